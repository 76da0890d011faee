# Backups and searches over everything: tar, find, du, checksums, copies with their
# modes, rsync, restic.
# needs: apt-get
# network: host
# right: Password hashes read: an archive of /etc made by hand carries them, and a search through it reads them
# right: Private keys of certificates read with a file tool: grep reads the keys in /etc as well
work() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y --no-install-recommends rsync restic
    tar -czf "$WORK/etc.tar.gz" /etc
    tar -czf "$WORK/home.tar.gz" /root/.bashrc /root/.profile /home 2> /dev/null || true
    tar -tzf "$WORK/etc.tar.gz" > "$WORK/list"
    mkdir "$WORK/restore"
    tar -xzf "$WORK/etc.tar.gz" -C "$WORK/restore"
    cp -a /var/log "$WORK/log"
    find / -xdev -type f -newer /etc/hostname -size +1M > "$WORK/new" 2> /dev/null || true
    find /usr -xdev -name '*.so*' > "$WORK/libraries"
    find /etc -type f -exec md5sum {} + > "$WORK/sums"
    md5sum --quiet -c "$WORK/sums"
    du -sh /usr /var > "$WORK/usage" 2> /dev/null
    dd if="$WORK/etc.tar.gz" of="$WORK/copy" bs=64k
    gzip -t "$WORK/etc.tar.gz"
    split -b 64k "$WORK/etc.tar.gz" "$WORK/part."
    cat "$WORK"/part.* | cmp - "$WORK/etc.tar.gz"
    grep -rl hostname /etc > "$WORK/found" 2> /dev/null || true
    rsync -a --delete /etc/ "$WORK/mirror/"
    rsync -a --delete /etc/ "$WORK/mirror/"
    export RESTIC_REPOSITORY="$WORK/restic" RESTIC_PASSWORD=a-long-Secret-9
    restic init -q
    restic backup -q /etc /root/.profile
    restic backup -q /etc
    restic snapshots
    restic forget -q --keep-last 1 --prune
    restic restore -q latest --target "$WORK/restored" --include /etc/hostname
    cmp /etc/hostname "$WORK/restored/etc/hostname"
    rm -rf "$WORK"/part.* "$WORK/restore" "$WORK/log"
}
