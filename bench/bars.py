"""Bar charts as SVG, for the tables of this folder."""
from html import escape

LABEL, LENGTH, ROW, HEAD = 250, 300, 20, 34


def draw(panels):
    """One picture of several panels: (title, [(label, value, text beside the bar)]); bars are to scale within a panel."""
    height = sum(HEAD + ROW * len(rows) for _, rows in panels) + 12
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LABEL + LENGTH + 170} {height}" font-family="sans-serif" '
           'font-size="12">', f'<rect width="{LABEL + LENGTH + 170}" height="{height}" fill="#fff"/>']
    y = 0
    for title, rows in panels:
        out.append(f'<text x="10" y="{y + 22}" font-size="14">{escape(title)}</text>')
        y += HEAD
        most = max((value for _, value, _ in rows), default=0) or 1
        for label, value, text in rows:
            width = max(LENGTH * value / most, 1)
            out.append(f'<text x="{LABEL - 6}" y="{y + 12}" text-anchor="end">{escape(label)}</text>'
                       f'<rect x="{LABEL}" y="{y + 1}" width="{width:.1f}" height="{ROW - 6}" fill="#0b6e4f"/>'
                       f'<text x="{LABEL + width + 6:.1f}" y="{y + 12}">{escape(text)}</text>')
            y += ROW
    return "\n".join(out + ["</svg>", ""])
