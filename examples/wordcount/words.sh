# shellcheck shell=sh
# Words, one per line, lower case, of the files given. Sourced by the tasks.
words() {
    cat -- "$@" | LC_ALL=C tr -cs 'A-Za-z' '\n' | LC_ALL=C tr '[:upper:]' '[:lower:]' | sed '/^$/d'
}

# The licence texts, without the links between them.
texts() {
    find /usr/share/common-licenses -type f | LC_ALL=C sort
}
