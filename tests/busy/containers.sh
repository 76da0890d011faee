# An engine starts, runs a few containers, enters one, and ends.
# needs: dockerd docker busybox
# network: host
work() {
    mkdir -p "$WORK/engine" "$WORK/image/bin" "$WORK/image/etc"
    # An upper layer cannot lie on an overlay, so the engine gets memory of its own.
    mount -t tmpfs tmpfs "$WORK/engine"
    export DOCKER_HOST="unix://$WORK/engine/d.sock"
    # Containers go below the job's own cgroup, so that their alerts are known as its own.
    parent="$(grep -o '/sensor-attacks/[0-9a-f]*' /proc/self/cgroup | head -n 1)/docker"
    dockerd --data-root "$WORK/engine/root" --exec-root "$WORK/engine/exec" -H "$DOCKER_HOST" \
        --pidfile "$WORK/engine/d.pid" --cgroup-parent "$parent" --iptables=false --ip6tables=false --bridge=none &
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
        docker version > /dev/null 2>&1 && break
        sleep 1
    done
    cp "$(command -v busybox)" "$WORK/image/bin/busybox"
    for applet in sh ls cat sleep id wget nc ps env grep; do
        ln -s busybox "$WORK/image/bin/$applet"
    done
    echo 'root:x:0:0:root:/:/bin/sh' > "$WORK/image/etc/passwd"
    tar -C "$WORK/image" -c . | docker import - honest:1
    for round in 1 2 3; do
        docker run --rm --network=none honest:1 sh -c "id; ls /; cat /etc/passwd; env"
    done
    docker run -d --name server --network=none honest:1 sleep 60
    docker exec server ps
    docker exec server sh -c 'ls /proc | head -3; grep root /etc/passwd'
    docker logs server
    docker inspect server > /dev/null
    docker cp /etc/hostname server:/hostname
    docker rm -f server
    docker rmi -f honest:1
    kill "$(cat "$WORK/engine/d.pid")"
    wait || true
    umount "$WORK/engine"
}
