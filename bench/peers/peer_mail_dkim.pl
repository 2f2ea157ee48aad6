#!/usr/bin/perl
# Verifies a message over and over with Mail::DKIM (Debian: libmail-dkim-perl): CPU microseconds a message, on standard output. DNS
# answers come from a resolver of our own, from memory. Arguments: ZONE-FILE MESSAGE SECONDS; exit 77 where it is not installed.
use strict;
use warnings;
eval { require Mail::DKIM::Verifier; require Mail::DKIM::DNS; require Net::DNS; 1 } or exit 77;

package OneZone;
sub query {
    my ($self, $name) = @_;
    my $packet = Net::DNS::Packet->new($name, 'TXT');
    $packet->push(answer => Net::DNS::RR->new($self->{$name})) if $self->{$name};
    return $packet;
}
sub send { my ($self, @question) = @_; return $self->query(@question) }
sub errorstring { return 'NXDOMAIN' }

package main;
my ($zone_path, $message_path, $seconds) = @ARGV;
my %records;
open my $zone, '<', $zone_path or die "$zone_path: $!\n";
while (<$zone>) { $records{$1} = $_ if /^(\S+)\. / }
Mail::DKIM::DNS::resolver(bless \%records, 'OneZone');
open my $file, '<:raw', $message_path or die "$message_path: $!\n";
my $message = do { local $/; <$file> };

sub verify {
    my $verifier = Mail::DKIM::Verifier->new;
    $verifier->PRINT($message);
    $verifier->CLOSE;
    die "$message_path: " . $verifier->result_detail . "\n" if $verifier->result ne 'pass';
}
sub cpu { my ($user, $system) = times; return $user + $system }

verify();
my ($start, $count, $spent) = (cpu(), 0, 0);
while ($spent < $seconds) { verify(); $count++; $spent = cpu() - $start }
printf "%.2f\n", $spent * 1e6 / $count;
