# One file for every service: docker build -f docker/service.Dockerfile --build-arg SERVICE=anomaly .

# What runs: Python without what installs. Made once, and one layer that all services share.
FROM python:3.13-slim AS stripped
RUN <<END
set -eu
# The passwd line gives the uid a name and a home; a program that writes there finds the container's /tmp.
echo 'crossdock:x:10001:10001::/tmp:/usr/sbin/nologin' >>/etc/passwd
echo 'crossdock:x:10001:' >>/etc/group
standard=$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
rm -rf "$standard/ensurepip" "$standard/idlelib" "$standard/tkinter" "$standard/turtledemo" /usr/share/python-wheels
find / -xdev -type d \( -name pip -o -name 'pip-*' -o -name setuptools -o -name 'setuptools-*' \) -prune -exec rm -rf {} +
rm -rf /usr/local/bin/pip* /usr/local/bin/idle* /etc/pip.conf /root/.cache /root/.config
# dpkg's list of what is installed stays for scanners; apt and dpkg themselves go.
rm -rf /etc/apt /usr/lib/apt /var/lib/apt /var/cache/* /usr/share/doc /usr/share/man /usr/share/locale /var/log/*
rm -rf /etc/dpkg /etc/cron.* /etc/logrotate.d /etc/systemd /usr/lib/systemd /var/lib/systemd /usr/libexec/dpkg /usr/share/apt /usr/share/gcc /usr/share/bug
rm -rf /usr/share/bash-completion /usr/bin/apt* /usr/bin/dpkg* /usr/lib/dpkg /usr/share/dpkg /usr/sbin/dpkg* /usr/lib/*/libapt-* /usr/bin/perl* /usr/lib/*/perl-base
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
# Nothing writes byte code later.
python -m compileall -q -j 0 --invalidation-mode unchecked-hash "$standard"
END

FROM python:3.13-slim AS builder
WORKDIR /build
ENV PIP_NO_CACHE_DIR=off PIP_ROOT_USER_ACTION=ignore
COPY requirements/build.txt requirements/
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install -q --require-hashes -r requirements/build.txt && python -m venv --without-pip /app
ARG SERVICE
COPY requirements/${SERVICE}.txt requirements/
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /app/bin/python install -q --no-compile --no-deps --only-binary :all: --require-hashes -r requirements/${SERVICE}.txt \
 && find /app -type d -name tests -prune -exec rm -rf {} + \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app/lib
COPY common common
COPY services/${SERVICE} services/${SERVICE}
COPY --chmod=755 docker/ready.py /app/bin/ready
RUN <<END
set -eu
pip wheel -q --no-deps --no-build-isolation --no-cache-dir -w wheels ./common "./services/$SERVICE"
pip --python /app/bin/python install -q --no-compile --no-deps --no-cache-dir --no-index wheels/*.whl
python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app/lib
# The start command, alike in all images; and the port in the service's own settings, for the health check.
package=$(basename services/"$SERVICE"/src/*)
printf '#!/app/bin/python\nfrom %s.__main__ import main\n\nif __name__ == "__main__":\n    main()\n' "$package" >service
/app/bin/python -c "from $package.settings import Settings; print(Settings.model_fields['port'].default)" >/app/port || rm /app/port
find /app/bin -type f ! -name ready ! -name crossdock -delete
install -m 755 service /app/bin/
END

FROM scratch
COPY --from=stripped / /
COPY --from=builder /app /app
ENV PATH=/app/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CROSSDOCK_HOST=0.0.0.0
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["service"]
HEALTHCHECK --interval=20s --timeout=6s --start-period=180s --start-interval=3s CMD ["ready"]
ARG SERVICE VERSION=0.0.0 REVISION=unknown
LABEL org.opencontainers.image.title="crossdock-${SERVICE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
