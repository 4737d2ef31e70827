# SPDX-License-Identifier: Apache-2.0
# Stand-ins for the images of docker/compose.yaml where no registry can be reached: Debian's programs
# under the paths that the real images have them. scripts/docker-check builds one target per image.
FROM debian:bookworm-slim AS base
RUN apt-get update \
    && apt-get install -y --no-install-recommends prometheus prometheus-alertmanager python3 wget \
    && rm -rf /var/lib/apt/lists/*

FROM base AS python
RUN ln -s python3 /usr/bin/python

# Debian's Prometheus 2 does not know what ONLY_IN_3 of check_stack.py names, nor `promtool check ready`.
FROM base AS prometheus
RUN install -d -o 65534 -g 65534 /prometheus \
    && printf '%s\n' '#!/bin/sh' \
        'sed "/scrape_native_histograms:/d; /always_scrape_classic_histograms:/d" /etc/prometheus/prometheus.yml > /prometheus/config.yml' \
        'shift' 'exec /usr/bin/prometheus --config.file=/prometheus/config.yml "$@"' > /bin/start \
    && printf '%s\n' '#!/bin/sh' 'exec wget -q -O /dev/null "${3#--url=}/-/ready"' > /usr/local/bin/promtool \
    && chmod 755 /bin/start /usr/local/bin/promtool
ENTRYPOINT ["/bin/start"]

FROM base AS alertmanager
RUN install -d -o 65534 -g 65534 /alertmanager
ENTRYPOINT ["/usr/bin/prometheus-alertmanager"]

# Debian has no Grafana: this answers its health check, and only if the provisioning is there and the
# password was made.
FROM base AS grafana
RUN install -d -o 472 -g 472 /var/lib/grafana \
    && printf '%s\n' '#!/bin/sh' 'set -e' \
        'test "$(stat -c %a /var/lib/grafana/admin_password)" = 600' \
        'test -s "$GF_SECURITY_ADMIN_PASSWORD__FILE"' \
        'test -s /etc/grafana/provisioning/datasources/failover.yml' \
        'test -s /etc/grafana/provisioning/dashboards/failover.yml' \
        'test -s /etc/failover_dashboards/fleet.json' \
        'mkdir -p /tmp/www/api && cd /tmp/www && echo ok > api/health' \
        'exec python3 -m http.server 3000' > /run.sh \
    && chmod 755 /run.sh
