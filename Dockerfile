# remixlab serve on a CUDA card: `docker compose up`, or see compose.yaml.
FROM nvidia/cuda:13.0.1-base-ubuntu24.04

# OpenCV needs libGL and GLib.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0t64 python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 remix

WORKDIR /opt/remixlab
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY remixlab remixlab
COPY configs configs
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir -c requirements.lock ".[serve]"

USER 10001
RUN mkdir -p /home/remix/.config/remixlab /home/remix/.cache/huggingface
WORKDIR /home/remix
ENV PATH=/opt/venv/bin:$PATH NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib
EXPOSE 8000

# Ready once the model made a first picture, which includes its download.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30m --retries=4 \
    CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz')"]

# exec form: the server itself gets SIGTERM and finishes what it is making.
ENTRYPOINT ["remixlab", "serve", "--host", "0.0.0.0"]
CMD ["model=mini"]
