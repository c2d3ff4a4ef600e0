/** Command lines as people write them, and what is imported of each. */

/** The config, with its notes and secrets as text. */
export const COMMANDS:
  readonly (readonly [command: string, imported: Readonly<Record<string, unknown>>])[] = [
    ["curl -O https://example.org/data/a.csv", {
      "store": ".",
      "tasks": ["https://example.org/data/a.csv"],
    }],
    ["curl https://example.org/a.csv > a.csv", {
      "store": ".",
      "tasks": ["https://example.org/a.csv"],
    }],
    ["curl -s https://example.org/latest >> log.txt", {
      "store": ".",
      "tasks": [{ "url": "https://example.org/latest", "to": "log.txt" }],
    }],
    ["curl -fsSL https://example.org/a.csv -o data/a.csv", {
      "store": "./data",
      "tasks": ["https://example.org/a.csv"],
    }],
    ["curl -L -o /srv/data/b.csv https://example.org/a.csv", {
      "store": "/srv/data",
      "tasks": [{ "url": "https://example.org/a.csv", "to": "b.csv" }],
    }],
    ["$ curl --silent --show-error --fail --location --output out/x.json https://example.org/api", {
      "store": "./out",
      "tasks": [{ "url": "https://example.org/api", "to": "x.json" }],
    }],
    ["curl -sSLo out.tgz https://example.org/x.tar.gz", {
      "store": ".",
      "tasks": [{ "url": "https://example.org/x.tar.gz", "to": "out.tgz" }],
    }],
    ["curl -OJ https://example.org/download?id=7", {
      "store": ".",
      "tasks": [{ "url": "https://example.org/download?id=7", "to": "{name}" }],
    }],
    ["curl --remote-name-all https://example.org/a https://example.org/b", {
      "store": ".",
      "tasks": ["https://example.org/a", "https://example.org/b"],
    }],
    ["curl -o a https://example.org/1 -o b https://example.org/2", {
      "store": ".",
      "tasks": [{ "url": "https://example.org/1", "to": "a" }, {
        "url": "https://example.org/2",
        "to": "b",
      }],
    }],
    ["curl -O https://example.org/1 --next -H 'X-A: b' -O https://example.net/2", {
      "store": ".",
      "tasks": ["https://example.org/1", {
        "url": "https://example.net/2",
        "headers": { "x-a": "b" },
      }],
    }],
    [
      "curl -H 'Authorization: Bearer s3cr3t-token' https://api.example.org/v1/rates -o rates.json",
      {
        "store": ".",
        "tasks": [{
          "url": "https://api.example.org/v1/rates",
          "to": "rates.json",
          "headers": { "authorization": "Bearer ${env:API_EXAMPLE_ORG_AUTHORIZATION}" },
        }],
        "secrets": ["API_EXAMPLE_ORG_AUTHORIZATION: the header authorization for api.example.org"],
      },
    ],
    ['curl -H "Authorization: Bearer $TOKEN" -o rates.json "https://api.example.org/v1/rates"', {
      "store": ".",
      "tasks": [{
        "url": "https://api.example.org/v1/rates",
        "to": "rates.json",
        "headers": { "authorization": "Bearer ${env:TOKEN}" },
      }],
    }],
    ["curl -H 'X-Api-Key: k' -H 'x-trace: ${x}' -o r https://h.example/r", {
      "store": ".",
      "tasks": [{
        "url": "https://h.example/r",
        "headers": { "x-api-key": "${env:H_EXAMPLE_X_API_KEY}", "x-trace": "$${x}" },
      }],
      "secrets": ["H_EXAMPLE_X_API_KEY: the header x-api-key for h.example"],
    }],
    ["curl -u bob:hunter2 -O https://h.example/r.csv", {
      "store": ".",
      "tasks": ["https://bob:${env:H_EXAMPLE_PASSWORD}@h.example/r.csv"],
      "secrets": ["H_EXAMPLE_PASSWORD: the password for h.example"],
    }],
    ['curl -u "$USER_NAME:$PASS_WORD" -O https://h.example/r.csv', {
      "store": ".",
      "tasks": ["https://${env:USER_NAME}:${env:PASS_WORD}@h.example/r.csv"],
    }],
    ["curl -u bob -O https://h.example/r.csv", {
      "store": ".",
      "tasks": ["https://bob:${env:H_EXAMPLE_PASSWORD}@h.example/r.csv"],
      "secrets": ["H_EXAMPLE_PASSWORD: the password for h.example"],
    }],
    ["curl --oauth2-bearer abcdef -O https://h.example/r.csv", {
      "store": ".",
      "tasks": [{
        "url": "https://h.example/r.csv",
        "headers": { "authorization": "Bearer ${env:H_EXAMPLE_AUTHORIZATION}" },
      }],
      "secrets": ["H_EXAMPLE_AUTHORIZATION: the header authorization for h.example"],
    }],
    ["curl -O 'https://bob:p%40ss@h.example/r.csv?token=abc&x=1'", {
      "store": ".",
      "tasks": [
        "https://bob:${env:H_EXAMPLE_PASSWORD}@h.example/r.csv?token=${env:H_EXAMPLE_TOKEN}&x=1",
      ],
      "secrets": [
        "H_EXAMPLE_PASSWORD: the password for h.example",
        "H_EXAMPLE_TOKEN: the parameter token for h.example",
      ],
    }],
    ["curl -A 'my agent/1' -e https://example.org/;auto -b 'a=1; b=2' -O https://h.example/r.csv", {
      "tasks": [],
      "notes": ["curl: it has no URL"],
    }],
    ["curl --compressed -O https://h.example/r.csv", {
      "store": ".",
      "tasks": ["https://h.example/r.csv"],
    }],
    ["curl -z r.csv -R -o r.csv https://h.example/r.csv", {
      "store": ".",
      "tasks": [{ "url": "https://h.example/r.csv", "mtime": "last-modified" }],
    }],
    [
      "curl --retry 5 --retry-delay 10 --retry-max-time 120 --retry-all-errors -O https://h.example/r.csv",
      {
        "store": ".",
        "tasks": [{
          "url": "https://h.example/r.csv",
          "retry": { "attempts": 6, "budget": "120s" },
        }],
        "notes": [
          "--retry-delay: delays grow by themselves, and Retry-After is honoured",
          "--retry-all-errors: permanent failures are not tried again within a run",
        ],
      },
    ],
    ["curl -m 300 --connect-timeout 10 -y 30 -Y 1000 -O https://h.example/r.csv", {
      "store": ".",
      "tasks": [{
        "url": "https://h.example/r.csv",
        "timeout": { "attempt": "300s", "connect": "10s", "idle": "30s" },
      }],
      "notes": ["-Y: timeout.idle counts the time without any byte"],
    }],
    ["curl --limit-rate 1M --max-filesize 5G --rate 30/m -O https://h.example/r.csv", {
      "store": ".",
      "limits": { "rate": "1MiB", "spacing": "2000ms" },
      "tasks": [{ "url": "https://h.example/r.csv", "expect": { "maxSize": "5GiB" } }],
    }],
    ["curl -x http://proxy.example:3128 --noproxy localhost -O https://h.example/r.csv", {
      "store": ".",
      "hosts": { "h.example": { "proxy": "http://proxy.example:3128" } },
      "tasks": ["https://h.example/r.csv"],
      "notes": ["--noproxy: set NO_PROXY in the environment"],
    }],
    ["curl -x socks5h://127.0.0.1:1080 -O https://h.example/r.csv", {
      "store": ".",
      "hosts": { "h.example": { "proxy": "socks5h://127.0.0.1:1080" } },
      "tasks": ["https://h.example/r.csv"],
    }],
    ["curl --socks5-hostname 127.0.0.1:1080 -E both.pem -O https://h.example/r.csv", {
      "store": ".",
      "hosts": {
        "h.example": {
          "certFile": "both.pem",
          "keyFile": "both.pem",
          "proxy": "socks5h://127.0.0.1:1080",
        },
      },
      "tasks": ["https://h.example/r.csv"],
    }],
    ["wget --no-proxy https://h.example/r.csv", {
      "store": ".",
      "hosts": { "h.example": { "proxy": "direct" } },
      "tasks": ["https://h.example/r.csv"],
    }],
    ["curl -x http://me:pw@proxy.example:3128 -O https://h.example/r.csv", {
      "store": ".",
      "hosts": {
        "h.example": { "proxy": "http://me:${env:PROXY_EXAMPLE_3128_PASSWORD}@proxy.example:3128" },
      },
      "tasks": ["https://h.example/r.csv"],
      "secrets": ["PROXY_EXAMPLE_3128_PASSWORD: the password of the proxy for proxy.example:3128"],
    }],
    ["curl -x proxy.example:3128 -U me:pw -O https://h.example/r.csv", {
      "store": ".",
      "hosts": {
        "h.example": { "proxy": "http://me:${env:PROXY_EXAMPLE_3128_PASSWORD}@proxy.example:3128" },
      },
      "tasks": ["https://h.example/r.csv"],
      "secrets": ["PROXY_EXAMPLE_3128_PASSWORD: the password of the proxy for proxy.example:3128"],
    }],
    ["curl --cacert ca.pem --cert client.pem --key client.key -O https://h.example:8443/r.csv", {
      "store": ".",
      "hosts": {
        "h.example:8443": { "caFile": "ca.pem", "certFile": "client.pem", "keyFile": "client.key" },
      },
      "tasks": ["https://h.example:8443/r.csv"],
    }],
    ["curl -k -O https://h.example/r.csv", {
      "store": ".",
      "tasks": ["https://h.example/r.csv"],
      "notes": [
        "-k: cronfetch always verifies certificates; trust a private authority by hosts.caFile",
      ],
    }],
    [
      'curl -X POST -H \'Content-Type: application/json\' -d \'{"a":1,"api_key":"hunter2"}\' https://h.example/q -o q.json',
      {
        "store": ".",
        "tasks": [{
          "url": "https://h.example/q",
          "to": "q.json",
          "body": { "json": { "a": 1, "api_key": "${env:H_EXAMPLE_API_KEY}" } },
        }],
        "secrets": ["H_EXAMPLE_API_KEY: the field api_key for h.example"],
      },
    ],
    ["curl -d a=1 -d 'a=2&b=x%20y' --data-urlencode 'q=ü' https://h.example/s -o s.json", {
      "store": ".",
      "tasks": [{
        "url": "https://h.example/s",
        "to": "s.json",
        "body": { "form": { "a": ["1", "2"], "b": "x y", "q": "ü" } },
      }],
    }],
    ["curl --json '{\"id\":' --json '12345678901234567890}' https://h.example/s -o s.json", {
      "store": ".",
      "tasks": [{
        "url": "https://h.example/s",
        "to": "s.json",
        "body": { "text": '{"id":12345678901234567890}' },
        "headers": { "content-type": "application/json" },
      }],
    }],
    [
      "curl -H 'Content-Type: application/sparql-query' -d \"SELECT $Q\" https://h.example/s -o s.json",
      {
        "store": ".",
        "tasks": [{
          "url": "https://h.example/s",
          "to": "s.json",
          "body": { "text": "SELECT ${env:Q}" },
          "headers": { "content-type": "application/sparql-query" },
        }],
      },
    ],
    ["curl -X POST https://h.example/s -o s.json", {
      "store": ".",
      "tasks": [{ "url": "https://h.example/s", "to": "s.json", "method": "POST" }],
    }],
    ["curl -d @body.json https://h.example/s -o s.json", {
      "tasks": [],
      "notes": ["-d: cronfetch sends no files; the URL is left out"],
    }],
    ["curl -X DELETE https://h.example/s", {
      "tasks": [],
      "notes": ["-X DELETE: cronfetch sends only GET, POST and QUERY; the URL is left out"],
    }],
    ["curl -X GET https://h.example/q.json -o q.json", {
      "store": ".",
      "tasks": ["https://h.example/q.json"],
    }],
    ["curl -T up.csv https://h.example/up.csv", {
      "tasks": [],
      "notes": ["-T: cronfetch sends no files; the URL is left out"],
    }],
    ["curl -F file=@a https://h.example/up", {
      "tasks": [],
      "notes": ["-F: cronfetch sends no files; the URL is left out"],
    }],
    ["curl -I https://h.example/r.csv", {
      "tasks": [],
      "notes": ["-I: cronfetch sends only GET, POST and QUERY; the URL is left out"],
    }],
    ["curl -G -d a=1 -d b=2 --data-urlencode 'q=x y' https://h.example/s -o s.json", {
      "store": ".",
      "tasks": [{ "url": "https://h.example/s?a=1&b=2&q=x%20y", "to": "s.json" }],
    }],
    ["curl 'https://h.example/{jan,feb}.csv' -o 'm_#1.csv'", {
      "store": ".",
      "tasks": [{ "url": "https://h.example/jan.csv", "to": "m_jan.csv" }, {
        "url": "https://h.example/feb.csv",
        "to": "m_feb.csv",
      }],
    }],
    ["curl -O https://h.example/f[08-10].csv", {
      "store": ".",
      "tasks": [
        "https://h.example/f08.csv",
        "https://h.example/f09.csv",
        "https://h.example/f10.csv",
      ],
    }],
    ["curl -g -O 'https://h.example/a[1].csv'", {
      "store": ".",
      "tasks": ["https://h.example/a[1].csv"],
    }],
    ["curl -K options.txt --resolve h.example:443:1.2.3.4 -O https://h.example/r.csv", {
      "store": ".",
      "tasks": ["https://h.example/r.csv"],
      "notes": [
        "-K: cronfetch does not read it; write its options in the command",
        "--resolve: cronfetch connects to the addresses of the URL's host",
      ],
    }],
    ["curl --no-such-option -O https://h.example/r.csv", {
      "store": ".",
      "tasks": ["https://h.example/r.csv"],
      "notes": ["--no-such-option: it has no equivalent"],
    }],
    ["curl ftp://h.example/r.csv -O", {
      "tasks": [],
      "notes": ["ftp://: cronfetch knows http and https"],
    }],
    ["curl h.example/r.csv -O", { "store": ".", "tasks": ["http://h.example/r.csv"] }],
    ["wget https://h.example/r.csv", { "store": ".", "tasks": ["https://h.example/r.csv"] }],
    ["wget -q -O data.csv https://h.example/r.csv", {
      "store": ".",
      "tasks": [{ "url": "https://h.example/r.csv", "to": "data.csv" }],
    }],
    [
      "curl -O https://h.example/r.gz?v=1 && mkdir -p r.gz.d && test -s r.gz && nice -n 5 gunzip -f ./r.gz",
      {
        "store": ".",
        "tasks": ["https://h.example/r.gz?v=1"],
        "notes": ["gunzip: cronfetch does not process files; r.gz is kept as downloaded"],
      },
    ],
    ["wget -qO- https://h.example/r.csv | gunzip > r", {
      "tasks": ["https://h.example/r.csv"],
      "notes": ["|: its output is no file; the file has the name in the URL"],
    }],
    ["wget -N -P /srv/data https://h.example/r.csv https://h.example/s.csv", {
      "store": "/srv/data",
      "tasks": ["https://h.example/r.csv", "https://h.example/s.csv"],
    }],
    ["wget -c -t 3 -T 20 --waitretry=5 https://h.example/big.iso", {
      "store": ".",
      "tasks": [{
        "url": "https://h.example/big.iso",
        "retry": { "attempts": 3 },
        "timeout": { "connect": "20s", "idle": "20s" },
      }],
      "notes": ["--waitretry: delays grow by themselves, and Retry-After is honoured"],
    }],
    ["wget --tries=0 --read-timeout=30 https://h.example/big.iso", {
      "store": ".",
      "tasks": [{
        "url": "https://h.example/big.iso",
        "retry": { "attempts": 100 },
        "timeout": { "idle": "30s" },
      }],
    }],
    ["wget --header='X-Token: abc' --user-agent='x y' https://h.example/r.csv", {
      "store": ".",
      "tasks": [{
        "url": "https://h.example/r.csv",
        "headers": { "x-token": "${env:H_EXAMPLE_X_TOKEN}", "user-agent": "x y" },
      }],
      "secrets": ["H_EXAMPLE_X_TOKEN: the header x-token for h.example"],
    }],
    ["wget --user=bob --password=hunter2 https://h.example/r.csv", {
      "store": ".",
      "tasks": ["https://bob:${env:H_EXAMPLE_PASSWORD}@h.example/r.csv"],
      "secrets": ["H_EXAMPLE_PASSWORD: the password for h.example"],
    }],
    ["wget --content-disposition --no-check-certificate https://h.example/get?id=1", {
      "store": ".",
      "tasks": [{ "url": "https://h.example/get?id=1", "to": "{name}" }],
      "notes": [
        "--no-check-certificate: cronfetch always verifies certificates; trust a private authority by hosts.caFile",
      ],
    }],
    ["wget -e use_proxy=yes -e https_proxy=127.0.0.1:8080 https://h.example/r.csv", {
      "store": ".",
      "hosts": { "h.example": { "proxy": "http://127.0.0.1:8080" } },
      "tasks": ["https://h.example/r.csv"],
    }],
    ["wget -x -nH https://h.example/a/b/r.csv", {
      "store": ".",
      "tasks": [{ "url": "https://h.example/a/b/r.csv", "to": "{path}/" }],
    }],
    ["wget -r -np -nH --cut-dirs=2 -A '*.csv' https://h.example/dir/", {
      "tasks": [],
      "notes": [
        "-r: cronfetch follows no links: each file needs its URL",
        "--cut-dirs: it has no equivalent",
        "-A: it has no equivalent",
      ],
    }],
    ["wget -i urls.txt", {
      "tasks": [],
      "notes": ["-i: import the list: cronfetch init --import FILE"],
    }],
    ["wget --limit-rate=200k --wait=2 -nc https://h.example/r.csv", {
      "store": ".",
      "limits": { "rate": "200KiB", "spacing": "2s" },
      "tasks": ["https://h.example/r.csv"],
      "notes": ["-nc: a task always fetches the newest file"],
    }],
    ["wget --backups=3 https://h.example/r.csv", {
      "store": ".",
      "tasks": [{ "url": "https://h.example/r.csv", "keep": 3 }],
    }],
    ["wget --spider https://h.example/r.csv", {
      "tasks": [],
      "notes": ["--spider: it downloads nothing"],
    }],
    ["wget --output-doc=x.csv https://h.example/r.csv", {
      "store": ".",
      "tasks": [{ "url": "https://h.example/r.csv", "to": "x.csv" }],
    }],
    ["sudo -u www-data /usr/bin/curl -fsS https://h.example/r.csv -o /var/www/r.csv", {
      "store": "/var/www",
      "tasks": ["https://h.example/r.csv"],
    }],
    ["if ! timeout 60 curl -fo r.csv https://h.example/r.csv; then echo failed; fi", {
      "store": ".",
      "tasks": ["https://h.example/r.csv"],
    }],
    [
      "curl --location --request GET 'https://h.example/r' --header 'Authorization: Basic Ym9iOmh1bnRlcjI=' -o r.json",
      {
        "store": ".",
        "tasks": [{
          "url": "https://h.example/r",
          "to": "r.json",
          "headers": { "authorization": "Basic ${env:H_EXAMPLE_AUTHORIZATION}" },
        }],
        "secrets": ["H_EXAMPLE_AUTHORIZATION: the header authorization for h.example"],
      },
    ],
    ['curl "https://h.example/r.csv" ^\n  -H "accept: text/csv" ^\n  -O', {
      "store": ".",
      "tasks": [{ "url": "https://h.example/r.csv", "headers": { "accept": "text/csv" } }],
    }],
    ["curl -fsS -m 10 --retry 5 -o /dev/null https://ping.example/0e6a", {
      "tasks": [],
      "notes": ["curl: it discards the content; the URL is left out"],
    }],
    ["curl -s https://ping.example/0e6a > /dev/null 2>&1", {
      "tasks": [],
      "notes": ["curl: it discards the content; the URL is left out"],
    }],
    ["wget -q https://h.example/r.csv > /dev/null 2>&1 || true", {
      "store": ".",
      "tasks": ["https://h.example/r.csv"],
    }],
    ["https_proxy=http://proxy.example:3128 curl -O https://h.example/r.csv", {
      "store": ".",
      "hosts": { "h.example": { "proxy": "http://proxy.example:3128" } },
      "tasks": ["https://h.example/r.csv"],
    }],
    ["OPTS='-fsSL --retry 3'; URL=https://h.example/r.csv\ncurl $OPTS -o x.csv \"$URL\"", {
      "store": ".",
      "tasks": [{ "url": "https://h.example/r.csv", "to": "x.csv", "retry": { "attempts": 4 } }],
    }],
    ['DAY=$(date -d "1 day ago" +"%Y-%m-%d"); curl -fO "https://h.example/$DAY.csv"', {
      "store": ".",
      "tasks": ["https://h.example/{date-1d:YYYY-MM-DD}.csv"],
    }],
    ["mkdir -p /opt/t && curl -L https://h.example/t.tar.gz | tar xz -C /opt/t", {
      "tasks": ["https://h.example/t.tar.gz"],
      "notes": ["|: its output is no file; the file has the name in the URL"],
    }],
    ['curl -o "$OUT/x.csv" https://h.example/r.csv', {
      "store": ".",
      "tasks": [{ "url": "https://h.example/r.csv", "to": "x.csv" }],
      "notes": [
        "the folder: it cannot contain a variable of the environment; the file is in the store",
      ],
    }],
    ["curl -H @headers.txt -H 'X-Empty;' -H 'Accept:' -O https://h.example/r.csv", {
      "store": ".",
      "tasks": ["https://h.example/r.csv"],
      "notes": [
        "-H: headers are not read from a file: name them in the config",
        "-H: the header X-Empty; has no value",
        "-H: cronfetch sends no header Accept by itself",
      ],
    }],
    ["echo curl -O https://h.example/r.csv", { "tasks": [] }],
    ["cat urls.txt | xargs -n1 curl -O", {
      "tasks": [],
      "notes": ["curl: its arguments are not in the text"],
    }],
  ];
