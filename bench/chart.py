"""A chart of lines in SVG, both axes logarithmic: microseconds of CPU time by size of a message."""
import math
from html import escape

COLOURS = ["#8a8a8a", "#0b6e4f", "#c1440e", "#2b59c3", "#8f3985", "#b8860b", "#00838f", "#5d4037", "#ad1457", "#455a64"]


def draw(title, series, dashed=()):
    """series: {name: [(octets, microseconds)]}, an empty one is left out; the names in dashed are drawn so."""
    points = [point for line in series.values() for point in line]
    low_x, high_x = (math.log10(pick(size for size, _ in points)) for pick in (min, max))
    low_y, high_y = math.floor(min(math.log10(us) for _, us in points)), math.ceil(max(math.log10(us) for _, us in points))

    def x(size):
        return 70 + 430 * (math.log10(size) - low_x) / (high_x - low_x or 1)

    def y(us):
        return 330 - 290 * (math.log10(us) - low_y) / (high_y - low_y or 1)

    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 380" font-family="sans-serif" font-size="12">',
           '<rect width="640" height="380" fill="#fff"/>', f'<text x="70" y="22" font-size="14">{escape(title)}</text>']
    for power in range(low_y, high_y + 1):
        out.append(f'<path d="M70 {y(10 ** power):.1f}H500" stroke="#ddd"/>'
                   f'<text x="64" y="{y(10 ** power) + 4:.1f}" text-anchor="end">{10 ** power:,}</text>')
    for size in sorted({size for size, _ in points}):
        label = f"{size // 1048576} MB" if size >= 1048576 else f"{size // 1024} KB"
        out.append(f'<text x="{x(size):.1f}" y="350" text-anchor="middle">{label}</text>')
    labels = label_places({name: y(max(line)[1]) + 4 for name, line in series.items() if line})
    for (name, line), colour in zip(series.items(), COLOURS):
        if not line:
            continue
        path = "L".join(f"{x(size):.1f} {y(us):.1f}" for size, us in sorted(line))
        dash = ' stroke-dasharray="5 4"' if name in dashed else ""
        out.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        out += [f'<circle cx="{x(size):.1f}" cy="{y(us):.1f}" r="3" fill="{colour}"/>' for size, us in line]
        out.append(f'<text x="{x(max(line)[0]) + 8:.1f}" y="{labels[name]:.1f}" fill="{colour}">{escape(name)}</text>')
    return "\n".join(out + ["</svg>", ""])


def label_places(wanted):
    """Each name a height of its own, at the one wanted or a little below it."""
    places, lowest = {}, -math.inf
    for name, height in sorted(wanted.items(), key=lambda item: item[1]):
        lowest = places[name] = max(height, lowest + 14)
    return places
