/** Certificates of clients, valid from 2020 to 2120. Only for tests: their keys are public. */

/** `ann`, signed by `certificate` of `certificate.ts`. */
export const annsCertificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBHjCBxQIURBMJv8NTWDZxJwCzs3LjL8WH6xMwCgYIKoZIzj0EAwIwFDESMBAG
A1UEAwwJbG9jYWxob3N0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAw
WjAOMQwwCgYDVQQDDANhbm4wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARqszQt
lcvcK/mszfHxfNjx4QyyK99a5hj+Xi7HrYtsNcJp2ucEfdQeFXipPxZqvxnayHGU
cy6cVIKINF/mM0nGMAoGCCqGSM49BAMCA0gAMEUCIQDxrNEeOEBpZXpLIE6f/5ar
/7zfxDfIIUGuC3vMxmWElQIgQUiME3Abza6C1r2joXtJ9eIAfNOJ5n0oPl63zc+O
Ixs=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgRSXatjghswBfHbe/
5QVRCui6GeC7t2tQD5+jLZIel32hRANCAARqszQtlcvcK/mszfHxfNjx4QyyK99a
5hj+Xi7HrYtsNcJp2ucEfdQeFXipPxZqvxnayHGUcy6cVIKINF/mM0nG
-----END PRIVATE KEY-----
`,
} as const;

/** It says `ann` too, but it has signed itself. */
export const forgedCertificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBGDCBvwIUS2D0Dia4y3/UEJazYmbtAPwHBWYwCgYIKoZIzj0EAwIwDjEMMAoG
A1UEAwwDYW5uMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAOMQww
CgYDVQQDDANhbm4wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQMsrGYw2U7L7Ak
Fx8/hLbt7/VJM2L45+kJJtGw/5rl0IRxK7HGAoRPXeG7IkgdeFV6YYNwhlZBHF7N
su82KC63MAoGCCqGSM49BAMCA0gAMEUCICo1nFI7fI7JZ+JGZq8kuGZNV5Klmx2j
rlZDpUr3jrTBAiEA5XxuH6kUT18liJq7raw3I11TXXS6v6dBmlSqp5Ri8UA=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgY0AL/INZlfPj3IEJ
7erh1N19VKM/y1Qshwl7/XC0q6ShRANCAAQMsrGYw2U7L7AkFx8/hLbt7/VJM2L4
5+kJJtGw/5rl0IRxK7HGAoRPXeG7IkgdeFV6YYNwhlZBHF7Nsu82KC63
-----END PRIVATE KEY-----
`,
} as const;
