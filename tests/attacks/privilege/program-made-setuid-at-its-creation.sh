# rule: Program made setuid
# where: host
# needs: perl
attack() {
    perl -MFcntl -e 'sysopen(F, "$ENV{WORK}/helper", O_CREAT | O_WRONLY, 04755) or die $!'
}
near_miss() {
    perl -MFcntl -e 'sysopen(F, "$ENV{WORK}/helper", O_CREAT | O_WRONLY, 0755) or die $!'
}
