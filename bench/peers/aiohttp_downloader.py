"""Downloads a list of URLs with aiohttp and aiofiles, as most such scripts do.

    python3 aiohttp_downloader.py URLS FOLDER [--at-once N] [--etags FILE] [--authority FILE]

One session, a semaphore, a timeout per download, chunks written to a temporary name as they
arrive, and a rename when the body is complete. With --etags it sends conditional requests and keeps
the ETags in a JSON file.
"""

import argparse
import asyncio
import json
import os
import ssl

import aiofiles
import aiofiles.os
import aiohttp

PIECE_BYTES = 64 * 1024
TIMEOUT_SECONDS = 600


async def download(session, semaphore, url, folder, etags):
    """Downloads one file, unless the server responds that it has not changed."""
    target = os.path.join(folder, url.rsplit("/", 1)[1])
    headers = {"If-None-Match": etags[url]} if url in etags else {}
    async with semaphore, session.get(url, headers=headers) as response:
        if response.status == 304:
            return
        response.raise_for_status()
        temporary = target + ".part"
        async with aiofiles.open(temporary, "wb") as file:
            async for piece in response.content.iter_chunked(PIECE_BYTES):
                await file.write(piece)
        await aiofiles.os.rename(temporary, target)
        etags[url] = response.headers.get("ETag", "")


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("urls")
    parser.add_argument("folder")
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--etags")
    parser.add_argument("--authority")
    options = parser.parse_args()

    with open(options.urls) as lines:
        urls = lines.read().split()
    etags = {}
    if options.etags and os.path.exists(options.etags):
        with open(options.etags) as file:
            etags = json.load(file)
    os.makedirs(options.folder, exist_ok=True)

    trust = ssl.create_default_context(cafile=options.authority) if options.authority else None
    semaphore = asyncio.Semaphore(options.at_once)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    connector = aiohttp.TCPConnector(ssl=trust)
    # The timeout starts with the request, after waiting for the semaphore.
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        await asyncio.gather(
            *(download(session, semaphore, url, options.folder, etags) for url in urls)
        )
    if options.etags:
        with open(options.etags, "w") as file:
            json.dump(etags, file)


asyncio.run(main())
