#!/usr/bin/perl
# Mail::DKIM (libmail-dkim-perl) as another implementation of ARC, for test_arc_chains.py.
#   mail_dkim_arc.pl verify PORT              < message: prints the result and its detail
#   mail_dkim_arc.pl seal SELECTOR DOMAIN KEY < message: prints the message with an ARC set on top
use strict;
use warnings;
use Mail::DKIM::ARC::Signer;
use Mail::DKIM::ARC::Verifier;
use Mail::DKIM::DNS;
use Net::DNS;

my ($verb, @more) = @ARGV;
my $message = do { local $/; <STDIN> };
Mail::DKIM::DNS::resolver(Net::DNS::Resolver->new(nameservers => ['127.0.0.1'], port => $more[0], recurse => 0, dnsrch => 0,
    config_file => '/dev/null'));
if ($verb eq 'verify') {
    my $arc = Mail::DKIM::ARC::Verifier->new(Strict => 1);
    $arc->PRINT($message);
    $arc->CLOSE;
    print $arc->result, ' ', $arc->result_detail, "\n";
} else {
    my ($port, $selector, $domain, $key, $chain) = @more;
    my $arc = Mail::DKIM::ARC::Signer->new(Algorithm => 'rsa-sha256', Domain => $domain, SrvId => $domain, Selector => $selector,
        KeyFile => $key, Chain => $chain, Headers => 'from:to:subject:date:message-id');
    $arc->PRINT($message);
    $arc->CLOSE;
    die $arc->result, ' ', ($arc->{details} // ''), "\n" if $arc->result ne 'sealed';
    print join("\r\n", $arc->as_strings), "\r\n", $message;
}
