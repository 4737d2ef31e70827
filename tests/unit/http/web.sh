#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# web.sh SERVER: the web configuration as curl sees it: TLS, client certificates, passwords, rate
# limit, and reloads under load. SERVER is http_test_server.
# shellcheck disable=SC2016,SC2086 # passwords hold dollars; lists of options are meant to be split
set -u
server_program=$(realpath "$1")
folder=$(mktemp -d)
cd "$folder" || exit 1
server=
failures=0

finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null
    wait
    rm -rf "$folder"
}
trap finish EXIT

# expect NAME EXPECTED GIVEN
expect() {
    if [ "$2" = "$3" ]; then
        echo "ok: $1"
    else
        echo "FAILED: $1: expected '$2', got '$3'"
        failures=$((failures + 1))
    fi
}

make_ca() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
        -keyout "$1.key" -out "$1.pem" 2>/dev/null
}

# make_cert NAME CA SAN USAGE
make_cert() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -keyout "$1.key" -out "$1.csr" 2>/dev/null
    printf 'subjectAltName=%s\nextendedKeyUsage=%s\n' "$3" "$4" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 2 \
        -extfile "$1.ext" -out "$1.pem" 2>/dev/null
}

start() {
    : >out.txt
    "$server_program" 127.0.0.1:0 web.yml >out.txt 2>log.txt &
    server=$!
    tries=0
    while [ ! -s out.txt ] && [ $tries -lt 600 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    port=$(head -1 out.txt | sed 's/.*://')
}

stop() {
    kill "$server"
    wait "$server"
    expect "clean exit" 0 $?
    server=
}

reload() {
    lines=$(wc -l <out.txt)
    kill -HUP "$server"
    while [ "$(wc -l <out.txt)" -le "$lines" ]; do
        sleep 0.05
    done
}

# code PATH CURL_ARGUMENT...: the status, 000 when there is no answer.
code() {
    path=$1
    shift
    curl -s -o /dev/null -m 60 --cacert ca.pem -w '%{http_code}' "$@" "$scheme://localhost:$port$path"
}

body() {
    path=$1
    shift
    curl -s -m 60 --cacert ca.pem "$@" "$scheme://localhost:$port$path"
}

tls='tls_server_config:
  cert_file: server.pem
  key_file: server.key'
# The password is "secret"; the cost of its hash is the lowest, for a test has no time.
alice=$(/usr/bin/python3 -W ignore -c \
    'import crypt; print(crypt.crypt("secret", "$2b$04$abcdefghijklmnopqrstuu"))')
make_ca ca
make_ca other_ca
make_cert server ca DNS:localhost,IP:127.0.0.1 serverAuth
make_cert client ca DNS:client.example,URI:spiffe://a/b clientAuth
make_cert not_a_client ca DNS:client.example serverAuth
make_cert stranger other_ca DNS:client.example clientAuth
mine='--cert client.pem --key client.key'
strangers='--cert stranger.pem --key stranger.key'

echo "--- passwords and headers, without TLS"
scheme=http
printf 'basic_auth_users:\n  alice: %s\nhttp_server_config:\n  headers: {X-Frame-Options: deny}\n' "$alice" >web.yml
start
expect "no password" 401 "$(code /page)"
expect "challenge" 1 "$(body /page -i | grep -c '^WWW-Authenticate: Basic realm=')"
expect "configured header, on errors too" 1 "$(body /page -i | grep -c '^X-Frame-Options: deny')"
expect "wrong password" 401 "$(code /page -u alice:wrong)"
expect "wrong password again" 401 "$(code /page -u alice:wrong)"
expect "unknown user" 401 "$(code /page -u bob:secret)"
expect "right password" 200 "$(code /page -u alice:secret)"
expect "right password again" 200 "$(code /page -u alice:secret)"
expect "unknown path, unauthenticated" 401 "$(code /nowhere)"
expect "unknown path, authenticated" 404 "$(code /nowhere -u alice:secret)"
expect "bearer is not basic" 401 "$(code /page -H 'Authorization: Bearer secret')"
expect "user" "user=alice tls=0 certified=0" "$(body /user -u alice:secret)"
stop

echo "--- rate limit"
printf 'rate_limit:\n  interval: 1h\n  burst: 3\n' >web.yml
start
for expected in 200 200 200 429 429; do
    expect "of a burst of 3" $expected "$(code /page)"
done
stop

echo "--- TLS"
scheme=https
printf '%s\n' "$tls" >web.yml
start
expect "TLS" 200 "$(code /page)"
expect "TLS 1.3 spoken" 200 "$(code /page --tlsv1.3)"
expect "TLS 1.1 refused" 000 "$(code /page --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0)"
expect "the whole page" 102400 "$(body /page | wc -c)"
expect "user" "user= tls=1 certified=0" "$(body /user)"
expect "plain HTTP on a TLS port" 000 "$(scheme=http code /page)"
stop
printf '%s\n  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n  curve_preferences: [X25519]\n' "$tls" >web.yml
start
expect "TLS 1.3 refused" 000 "$(code /page --tlsv1.3)"
expect "listed suite" 200 "$(code /page --ciphers ECDHE-ECDSA-AES256-GCM-SHA384)"
expect "unlisted suite" 000 "$(code /page --ciphers ECDHE-ECDSA-AES128-GCM-SHA256)"
expect "listed curve" 200 "$(code /page --curves X25519:P-256)"
expect "unlisted curve" 000 "$(code /page --curves P-256)"
stop

echo "--- client certificates"
for policy in RequestClientCert:200:200:200:0 RequireAnyClientCert:000:200:200:0 \
    VerifyClientCertIfGiven:200:000:200:0 RequireAndVerifyClientCert:000:000:200:1; do
    IFS=: read -r name none strange own certified <<END
$policy
END
    printf '%s\n  client_auth_type: %s\n  client_ca_file: ca.pem\n' "$tls" "$name" >web.yml
    start
    for version in 1.2 1.3; do
        expect "$name, none, TLS $version" "$none" "$(code /page --tls-max $version)"
        expect "$name, another CA's, TLS $version" "$strange" "$(code /page --tls-max $version $strangers)"
        expect "$name, ours, TLS $version" "$own" "$(code /page --tls-max $version $mine)"
    done
    expect "$name, certified" "user= tls=1 certified=$certified" "$(body /user $mine)"
    stop
done
printf '%s\n  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n  client_allowed_sans: [spiffe://a/b]\n' "$tls" >web.yml
start
expect "allowed name" 200 "$(code /page $mine)"
stop
sed -i 's,spiffe://a/b,spiffe://a/,' web.yml
start
expect "name that is not allowed" 000 "$(code /page $mine)"
expect "not made for clients" 000 "$(code /page --cert not_a_client.pem --key not_a_client.key)"
stop

echo "--- reload"
scheme=http
: >web.yml
start
expect "nothing configured" 200 "$(code /page)"
printf 'basic_auth_users:\n  alice: %s\n' "$alice" >web.yml
reload
expect "users without a restart" 401 "$(code /page)"
printf '%s\n' "$tls" >web.yml
reload
scheme=https
expect "TLS without a restart" 200 "$(code /page)"
make_cert server2 other_ca DNS:localhost serverAuth
cp server2.pem server.pem && cp server2.key server.key
tries=0
while [ "$(code /page --cacert other_ca.pem)" != 200 ] && [ $tries -lt 300 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
expect "a changed certificate is noticed" 200 "$(code /page --cacert other_ca.pem)"
expect "and the old one is gone" 000 "$(code /page)"
echo 'nonsense: 1' >web.yml
reload
expect "a broken file is told" "unknown key nonsense" "$(tail -1 out.txt | grep -o 'unknown key nonsense')"
expect "a broken file keeps the old one" 200 "$(code /page --cacert other_ca.pem)"
printf '%s\nbasic_auth_users:\n  alice: %s\n' "$tls" "$alice" >web.yml
reload
cp other_ca.pem ca.pem
: >codes.txt
(
    i=0
    while [ $i -lt 8 ]; do
        curl -s -m 60 --cacert ca.pem -u alice:secret -o /dev/null -o /dev/null -o /dev/null -o /dev/null \
            -w '%{http_code}\n' "https://localhost:$port/page?a" "https://localhost:$port/page?b" \
            "https://localhost:$port/page?c" "https://localhost:$port/page?d" >>codes.txt
        i=$((i + 1))
    done
) &
load=$!
for i in 1 2 3 4 5; do
    reload
    sleep 0.1
done
wait $load
expect "reloads under load lose nothing" "32 200" "$(sort codes.txt | uniq -c | sed 's/^ *//')"
stop
# The broken file, by the signal, and perhaps when it was noticed; certificate and key while they did not match.
expect "reloads are counted" 1 "$(grep -c '^reloads good [0-9]* bad [1-3]$' out.txt)"

echo "$failures failures"
[ "$failures" -eq 0 ]
