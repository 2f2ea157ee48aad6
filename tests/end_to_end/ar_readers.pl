#!/usr/bin/perl
# Two other readers of Authentication-Results, for test_ar_readers.py: Mail::AuthenticationResults and SpamAssassin's AuthRes.
#   ar_readers.pl mail-ar|spamassassin < fields, each ended by an octet 0: prints one line of JSON a field:
#   {"id": authserv-id, "results": [[method, result, [[ptype, property, value] ...]] ...]}, or {"error": why}
# SpamAssassin keeps results by method, so that the order of methods is lost; that of one method's results is not.
use strict;
use warnings;
use JSON::PP;

my ($reader) = @ARGV;
binmode STDIN;
my @fields = do { local $/ = "\0"; map { chomp; $_ } <STDIN> };
my $json = JSON::PP->new->canonical->latin1(0);
my %read = ('mail-ar' => \&mail_ar, 'spamassassin' => \&spamassassin);
for my $field (@fields) {
    my $answer = eval { $read{$reader}->($field) } // {error => "$@"};
    print $json->encode($answer), "\n";
}

sub mail_ar {
    my ($field) = @_;
    require Mail::AuthenticationResults::Parser;
    (my $value = $field) =~ s/^Authentication-Results: //;
    my $read = decode_json(Mail::AuthenticationResults::Parser->new->parse($value)->as_json);
    my @results;
    for my $entry (@{$read->{children} // []}) {
        next if $entry->{type} ne 'entry';
        my @props = map { [split(/\./, $_->{key}, 2), $_->{value}] } grep { $_->{type} eq 'subentry' } @{$entry->{children} // []};
        push @results, [$entry->{key}, $entry->{value}, \@props];
    }
    return {id => $read->{authserv_id}{value}, results => \@results};
}

my $assassin;

sub spamassassin {
    my ($field) = @_;
    require Mail::SpamAssassin;
    require Mail::SpamAssassin::PerMsgStatus;
    $assassin //= do {
        my $new = Mail::SpamAssassin->new({local_tests_only => 1, dont_copy_prefs => 1, rules_filename => '/dev/null',
            site_rules_filename => '/dev/null', userprefs_filename => '/dev/null', userstate_dir => '/nonexistent',
            config_text => "loadplugin Mail::SpamAssassin::Plugin::AuthRes\nauthres_networks all\n"});
        $new->init(0);
        $new;
    };
    my $message = $assassin->parse($field . "From: a\@b.test\r\n\r\nx\r\n", 0);
    my $status = Mail::SpamAssassin::PerMsgStatus->new($assassin, $message);
    $status->extract_message_metadata;
    my $parsed = $status->{authres_parsed};
    my ($id, @results);
    for my $method (sort keys %{$parsed // {}}) {
        for my $result (@{$parsed->{$method}}) {
            $id //= $result->{authserv};
            my @props;
            for my $ptype (sort keys %{$result->{properties}}) {
                push @props, [$ptype, $_, $result->{properties}{$ptype}{$_}] for sort keys %{$result->{properties}{$ptype}};
            }
            push @results, [$method, $result->{result}, \@props];
        }
    }
    $status->finish;
    $message->finish;
    die "nothing was read\n" if !@results;
    return {id => $id, results => \@results};
}
