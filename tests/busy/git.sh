# A developer works in a repository: commits, branches, clones, hooks, garbage collection.
# needs: git
work() {
    export GIT_AUTHOR_NAME=Dev GIT_AUTHOR_EMAIL=dev@example.org
    export GIT_COMMITTER_NAME=Dev GIT_COMMITTER_EMAIL=dev@example.org
    git init -q -b main project
    cd project
    for n in 1 2 3 4 5; do
        echo "line $n" >> file
        git add file
        git commit -q -m "Change $n"
    done
    printf '#!/bin/sh\necho checked\n' > .git/hooks/pre-commit
    chmod +x .git/hooks/pre-commit
    git checkout -q -b topic
    echo topic > other
    git add other
    git commit -q -m Topic
    git checkout -q main
    git merge -q topic
    git log --oneline | cat
    cd ..
    git clone -q project copy
    git clone -q "file://$WORK/project" wire
    git -C copy pull -q
    git -C project gc -q
    git -C project archive HEAD | tar -t
}
