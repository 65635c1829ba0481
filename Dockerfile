# The gateway's image: built in one stage, served from another that holds the installed gateway and no more.
# It runs as an unprivileged user, writes nothing but what the configuration names, and needs no writable root.
#
# The base is named by tag.  Pin it to a digest where you build for production
# (FROM python:3.11-slim@sha256:...): a digest could not be looked up where this file was written.

FROM python:3.11-slim AS build
ENV PREFIX=/opt/sage-gateway
WORKDIR /src
COPY pyproject.toml README.md LICENSE requirements.lock requirements-build.lock ./
COPY deploy/install.sh deploy/
COPY gateway gateway/
RUN sh deploy/install.sh "$PREFIX"

FROM python:3.11-slim
LABEL org.opencontainers.image.title="sage-gateway" \
      org.opencontainers.image.description="A v2-to-v3.1 compatibility gateway for the Sage accounting API" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/sage-gateway /opt/sage-gateway
ENV PATH=/opt/sage-gateway/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SAGE_GATEWAY_SERVER__HOST=0.0.0.0
# A number, so that an orchestrator can see that it is not root.
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
# The admin listener's default address; inside the container only.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:9080/healthz', timeout=2)"]
ENTRYPOINT ["sage-gateway"]
CMD ["serve"]
