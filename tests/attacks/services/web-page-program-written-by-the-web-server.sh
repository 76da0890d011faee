# rule: Web page program written by the web server
# where: host
attack() {
    ln -s /bin/sh nginx
    ./nginx -c 'echo "<?php" > page.php'
}
near_miss() {
    ln -s /bin/sh worker
    ./worker -c 'echo "<?php" > page.php'
}
