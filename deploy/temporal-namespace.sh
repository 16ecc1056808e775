#!/bin/sh
# Waits for the Temporal server, makes the namespace TEMPORAL_NAMESPACE exist with the retention RETENTION, and ends when
# the namespace can be used. The server's address comes from TEMPORAL_ADDRESS; running it again sets the retention.
set -eu

wait_for() { # what, command...
  what=$1
  shift
  attempts=0
  until "$@" >/dev/null 2>&1; do
    attempts=$((attempts + 1))
    if [ "$attempts" -ge 60 ]; then
      echo "$what did not become ready at $TEMPORAL_ADDRESS." >&2
      exit 1
    fi
    sleep 1
  done
}

wait_for "The Temporal server" temporal operator cluster health
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
# A frontend that has just been told of a namespace still answers "not found" for some seconds.
wait_for "The namespace $TEMPORAL_NAMESPACE" temporal workflow count --namespace "$TEMPORAL_NAMESPACE"
temporal operator namespace update --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
