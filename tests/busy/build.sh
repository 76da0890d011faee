# A developer builds programs with cargo, make and cc, runs their tests and installs them.
# needs: cc make
work() {
    for dir in /root/.cargo/bin /usr/local/cargo/bin; do
        PATH="$dir:$PATH"
    done
    export PATH
    mkdir src
    cd src
    cat > main.c <<'C'
#include <stdio.h>
int main(void) { puts("hello"); return 0; }
C
    printf 'all: hello\nhello: main.c\n\tcc -O2 -Wall -o hello main.c\ntest: hello\n\t./hello | grep -q hello\n' > Makefile
    printf 'install: hello\n\tinstall -m 755 hello /usr/local/bin/hello\n' >> Makefile
    make && make test && make install
    /usr/local/bin/hello
    strip hello && ldd hello && file hello || true
    if command -v cargo; then
        cargo new --vcs none --name honest honest
        cd honest
        printf '#[test]\nfn adds() {\n    assert_eq!(1 + 1, 2);\n}\n' >> src/main.rs
        printf 'fn main() {\n    println!("cargo:rustc-env=ANSWER=42");\n}\n' > build.rs
        cargo build --offline && cargo test --offline && cargo run --offline --release
    fi
}
