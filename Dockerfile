# The image of the worker, the HTTP process and the commands: the service runs from its tree, as a user without rights.
# It holds no PostgreSQL and no Temporal server; production brings its own (docs/operating/production.md).

FROM python:3.11.15-slim-trixie AS packages
COPY requirements/service.txt /tmp/service.txt
RUN python -m venv /opt/switchyard \
 && /opt/switchyard/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: \
      --require-hashes --requirement /tmp/service.txt

FROM python:3.11.15-slim-trixie
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin switchyard
COPY --from=packages /opt/switchyard /opt/switchyard
WORKDIR /app
COPY domain domain
COPY formats formats
COPY nodes nodes
COPY channels channels
COPY carriers carriers
COPY network network
COPY database database
COPY runtime runtime
COPY transactions transactions
COPY activities activities
COPY workflows workflows
COPY simulation simulation
COPY jobs jobs
COPY api api
COPY console console
COPY embedded embedded
COPY demo demo
COPY starter starter
COPY worker.py worker.py
ENV PATH=/opt/switchyard/bin:$PATH PYTHONUNBUFFERED=1
# Workflow modules are loaded anew for every order; without bytecode they would be compiled each time.
RUN python -m compileall -q .
USER 10001:10001
CMD ["python", "worker.py"]
