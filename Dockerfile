# Picturedesk as a server: no torch, no compiler, no root. See docs/security.md.
#
#   docker build -t picturedesk .
#   docker run --rm -v /srv/desk:/data picturedesk keys add NAME --role admin --desk /data/desk
#   docker run -v /srv/desk:/data -v /srv/pictures:/srv/pictures:ro -p 127.0.0.1:8642:8642 picturedesk
#
# /srv/desk has the desk in its folder "desk" and belongs to user 10001; pictures are mounted where
# the catalogue says they are. Add "serve … --name HOST" where others reach it by a name.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/picturedesk \
    && /opt/picturedesk/bin/pip install --no-cache-dir '.[serve,mcp,languages,index]'

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin picturedesk
COPY --from=build /opt/picturedesk /opt/picturedesk
ENV PATH=/opt/picturedesk/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PICTUREDESK_CACHE=off \
    PICTUREDESK_CONFIG=off
USER 10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8642
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8642/v1/health', timeout=4)"]
ENTRYPOINT ["picturedesk"]
CMD ["serve", "--desk", "/data/desk", "--host", "0.0.0.0", "--port", "8642"]
