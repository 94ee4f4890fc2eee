#!/bin/sh
# Puts the passwords into the definitions, where only the broker reads them, and starts the broker.
set -eu
umask 077
definitions=$(cat /etc/rehome/definitions.json)
for name in SUPERVISOR L3 L2 WEB VENDOR OSS; do
    eval "password=\${REHOME_${name}_PASSWORD:?is not set}"
    case $password in
    *[!A-Za-z0-9._~-]*)
        echo "REHOME_${name}_PASSWORD may have letters, digits and . _ ~ - only: it also stands in a URL" >&2
        exit 1
        ;;
    esac
    definitions=$(printf '%s' "$definitions" | sed "s/@REHOME_${name}_PASSWORD@/$password/")
done
printf '%s\n' "$definitions" >/var/lib/rabbitmq/rehome-definitions.json
[ "$(id -u)" != 0 ] || chown rabbitmq:rabbitmq /var/lib/rabbitmq/rehome-definitions.json
exec docker-entrypoint.sh rabbitmq-server
