# One image for every part: `up --no-worker` serves, `runworker generation` writes.
FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY requirements/run.txt requirements/run.txt
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements/run.txt \
    && useradd --create-home streamgen && mkdir var && chown streamgen var
COPY manage.py pyproject.toml ./
COPY streamgen streamgen
COPY artifacts artifacts
COPY generation generation
COPY templates templates
COPY static static
# Whatever the modes were where it is built, everybody may read it; compiled once, and not by each process that begins.
RUN chmod -R a+rX,go-w . && python -m compileall -q streamgen artifacts generation
USER streamgen
EXPOSE 8000
# SIGTERM ends it in order within 10 s.
STOPSIGNAL SIGTERM
CMD ["python", "manage.py", "up", "--no-worker", "--host", "0.0.0.0"]
