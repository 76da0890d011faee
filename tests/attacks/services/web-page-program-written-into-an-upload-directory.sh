# rule: Web page program written into an upload directory
# where: host
attack() {
    mkdir -p /var/www/html/uploads
    echo '<?php' > /var/www/html/uploads/cat.php
}
near_miss() {
    mkdir -p /var/www/html/uploads
    echo '<?php' > /var/www/html/uploads/cat.jpg
}
