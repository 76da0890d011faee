# rule: Sensor spoken to by another program
# where: host
# needs: perl
attack() {
    mkdir -p run/sensor
    perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new("'"$WORK"'/run/sensor/901.sock"); exit 0'
}
near_miss() {
    mkdir -p run/other
    perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new("'"$WORK"'/run/other/901.sock"); exit 0'
}
