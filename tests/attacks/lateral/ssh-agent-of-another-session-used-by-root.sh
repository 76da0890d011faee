# rule: SSH agent of another session used by root
# where: host
# needs: perl
attack() {
    mkdir -p /tmp/ssh-XXq2Hf81Zp
    echo '
    use IO::Socket::UNIX;
    my $l = IO::Socket::UNIX->new(Local => "/tmp/ssh-XXq2Hf81Zp/agent.4711", Listen => 1) or die;
    IO::Socket::UNIX->new(Peer => "/tmp/ssh-XXq2Hf81Zp/agent.4711") or die;
    ' > agent.pl
    perl agent.pl
}
near_miss() {
    mkdir -p /tmp/app-XXq2Hf81Zp
    echo '
    use IO::Socket::UNIX;
    my $l = IO::Socket::UNIX->new(Local => "/tmp/app-XXq2Hf81Zp/agent.4711", Listen => 1) or die;
    IO::Socket::UNIX->new(Peer => "/tmp/app-XXq2Hf81Zp/agent.4711") or die;
    ' > agent.pl
    perl agent.pl
}
