# rule: Web page program written by the web server
# where: host
attack() {
    cp /bin/sh nginx
    ./nginx -c 'echo "<?php" > page.php'
}
near_miss() {
    cp /bin/sh worker
    ./worker -c 'echo "<?php" > page.php'
}
