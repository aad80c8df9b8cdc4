"""The baseline of `cargo xtask bench --with-dlt`: what dlt does with the same pages of the same console.

Usage: dlt_baseline.py URL TOKEN TARGET PATH [PATH ..]
Merges every page of the given API paths by id into a database (`sqlite`, or a PostgreSQL URL), one table per path, and prints the number of records of
each. Merging is what a load that is run again needs; appending would be cheaper, and store every record twice.
"""

import os
import sys
import tempfile
import urllib.parse

import dlt
import requests

PAGE = 1000


def pages(session, base, path):
    """Every page of a collection, as lists of records."""
    cursor = None
    while True:
        params = {"limit": PAGE}
        if path == "agents":
            params |= {"isDecommissioned": "true,false", "isUninstalled": "true,false"}
        if path == "activities":
            params |= {"sortBy": "createdAt", "sortOrder": "asc"}
        if cursor:
            params["cursor"] = cursor
        answer = session.get(f"{base}/web/api/v2.1/{path}", params=params, timeout=120)
        answer.raise_for_status()
        body = answer.json()
        yield body["data"]
        cursor = (body.get("pagination") or {}).get("nextCursor")
        if not cursor:
            return


def credentials(target):
    """dlt wants every part of a URL, also where a socket needs no password."""
    url = urllib.parse.urlsplit(target)
    query = dict(urllib.parse.parse_qsl(url.query))
    return {
        "drivername": "postgresql",
        "host": url.hostname or urllib.parse.quote(query.get("host", ""), safe=""),
        "port": url.port or 5432,
        "username": url.username or query.get("user", "postgres"),
        "password": url.password or "none",
        "database": url.path.lstrip("/"),
    }


def main():
    base, token, target, *paths = sys.argv[1:]
    session = requests.Session()
    session.headers["Authorization"] = f"ApiToken {token}"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DLT_DATA_DIR"] = folder
        os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
        # SQLite has one writer: parallel loads would only fail on its lock.
        os.environ["LOAD__WORKERS"] = "1"
        if target == "sqlite":
            destination = dlt.destinations.sqlalchemy(f"sqlite:///{folder}/baseline.db")
        else:
            destination = dlt.destinations.postgres(credentials(target))
        pipeline = dlt.pipeline(
            pipeline_name="baseline",
            pipelines_dir=folder,
            destination=destination,
            dataset_name=f"console_{os.getpid()}",
        )
        resources = [
            dlt.resource(
                pages(session, base, path),
                name=path.replace("/", "_").replace("-", "_"),
                primary_key="id",
                write_disposition="merge",
            )
            for path in paths
        ]
        pipeline.run(resources)
        counts = pipeline.last_trace.last_normalize_info.row_counts
        with pipeline.sql_client() as client:
            client.drop_dataset()
        print({path: counts.get(path) for path in paths})


if __name__ == "__main__":
    main()
