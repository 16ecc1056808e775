#!/bin/sh
# Makes the build SWITCHYARD_BUILD_ID the one that gets tasks, as soon as a worker of it polls. Until then new orders wait.
# The server and namespace come from TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE; running it again changes nothing.
set -eu

attempts=0
until temporal worker deployment set-current-version --yes \
    --deployment-name switchyard --build-id "$SWITCHYARD_BUILD_ID"; do
  attempts=$((attempts + 1))
  if [ "$attempts" -ge 30 ]; then
    echo "No worker of build $SWITCHYARD_BUILD_ID has reported; orders go on with the build that was current." >&2
    exit 1
  fi
  sleep 2
done
