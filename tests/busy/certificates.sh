# Certificates are made, signed, checked, renewed and put where the server finds them.
# needs: apt-get unshare openssl
# network: host
# right: Trusted certificate added: the machine is told to trust an authority of its own
work() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y --no-install-recommends openssl nginx-light ssl-cert ca-certificates curl
    make-ssl-cert generate-default-snakeoil --force-overwrite
    cd "$WORK"
    mkdir -p /etc/nginx/tls
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj '/CN=Own authority'
    printf 'server {\n  listen 127.0.0.1:443 ssl;\n  ssl_certificate /etc/nginx/tls/site.pem;\n' > site
    printf '  ssl_certificate_key /etc/nginx/tls/site.key;\n  root /var/www/html;\n  index index.nginx-debian.html;\n}\n' >> site
    cp site /etc/nginx/sites-enabled/site
    cat > renew <<'RENEW'
set -e
openssl req -newkey rsa:2048 -nodes -keyout site.key -out site.csr -subj '/CN=localhost'
openssl x509 -req -in site.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out site.crt -days 1
openssl verify -CAfile ca.crt site.crt
install -m 640 -g ssl-cert site.key /etc/nginx/tls/site.key
openssl x509 -in site.crt -out /etc/nginx/tls/site.pem
RENEW
    sh renew
    unshare --net sh -eu <<'SH'
ip link set lo up
nginx
curl -sf --cacert ca.crt https://localhost/ > /dev/null
openssl s_client -connect 127.0.0.1:443 -CAfile ca.crt < /dev/null > /dev/null 2>&1
sh renew
nginx -t
nginx -s reload
sleep 1
curl -sf --cacert ca.crt https://localhost/ > /dev/null
nginx -s quit
SH
    openssl x509 -in site.crt -noout -enddate -checkend 3600
    cp ca.crt /usr/local/share/ca-certificates/own-authority.crt
    update-ca-certificates
}
