# rule: Container runtime socket reached from a container
# where: container
# needs: perl
attack() {
    mkdir -p /run
    perl -MIO::Socket::UNIX -e 'my $l = IO::Socket::UNIX->new(Local => "/run/docker.sock", Listen => 1) or die; IO::Socket::UNIX->new(Peer => "/run/docker.sock") or die'
}
near_miss() {
    mkdir -p /run
    perl -MIO::Socket::UNIX -e 'my $l = IO::Socket::UNIX->new(Local => "/run/app.sock", Listen => 1) or die; IO::Socket::UNIX->new(Peer => "/run/app.sock") or die'
}
