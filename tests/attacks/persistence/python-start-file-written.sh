# rule: Python start file written
# where: host
attack() {
    mkdir -p lib/python3/site-packages
    echo 'import os' > lib/python3/site-packages/attack.pth
}
near_miss() {
    mkdir -p lib/python3/site-packages
    echo 'import os' > lib/python3/site-packages/attack.py
}
