# Databases are installed, started, filled, queried, dumped, restored and stopped.
# needs: apt-get unshare su
# network: host
work() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y --no-install-recommends redis-server redis-tools sqlite3 postgresql
    chown -R postgres: "$WORK"
    bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
    unshare --net sh -eu -s "$bin" <<'SH'
ip link set lo up
PATH="$1:$PATH"
mkdir -p /run/postgresql /run/redis
chown postgres: /run/postgresql
chown redis: /run/redis
service redis-server start
for n in 1 2 3 4 5; do redis-cli set "key$n" "$n"; done
redis-cli bgsave
redis-cli bgrewriteaof
redis-cli info > "$WORK/redis.info"
redis-benchmark -q -n 2000 -t set,get
service redis-server restart
sleep 1
redis-cli get key3
service redis-server stop
su postgres -c "$1/initdb -D $WORK/data -A trust --no-sync" > /dev/null
su postgres -c "$1/pg_ctl -D $WORK/data -l $WORK/log -o '-c fsync=off' -w start"
su postgres -c "createuser -s keeper && createdb -O keeper shop"
psql -h 127.0.0.1 -U keeper shop <<'SQL'
create table goods (id serial primary key, name text);
insert into goods (name) select 'good ' || n from generate_series(1, 5000) n;
create index on goods (name);
vacuum analyze goods;
copy goods to stdout with csv;
SQL
pgbench -h 127.0.0.1 -U keeper -i -q shop
pgbench -h 127.0.0.1 -U keeper -c 4 -t 50 shop
su postgres -c "pg_dump -U keeper shop | gzip > $WORK/shop.sql.gz"
su postgres -c "createdb -O keeper copy && gzip -dc $WORK/shop.sql.gz | psql -q -U keeper copy"
su postgres -c "pg_dumpall --globals-only > $WORK/globals.sql"
su postgres -c "$1/pg_basebackup -c fast -h 127.0.0.1 -U keeper -D $WORK/base"
su postgres -c "$1/pg_ctl -D $WORK/data reload"
su postgres -c "$1/pg_ctl -D $WORK/data -m fast stop"
sqlite3 "$WORK/small.db" "create table t (a); insert into t values (1), (2); select sum(a) from t;"
sqlite3 "$WORK/small.db" .dump > "$WORK/small.sql"
SH
}
