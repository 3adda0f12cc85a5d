/** Test vectors of the file format, made with sops. The data key is 32 bytes of 0x66. */
export interface ValueVector {
  /** Path text, and so associated data. */
  readonly aad: string;
  readonly envelope: string;
  readonly type: string;
  readonly plaintext: string;
}

const text = (bytes: string): string => Buffer.from(bytes, "hex").toString("latin1");

/** 19.1; plaintext in latin1, one character for each byte. */
export const valueVectors: readonly ValueVector[] = [
  {
    aad: "bar:",
    envelope:
      "ENC[AES256_GCM,data:oYyi,iv:MyIDYbT718JRr11QtBkcj3Dwm4k1aCGZBVeZf0EyV8o=,tag:t5z2Z023Up0kxwCgw1gNxg==,type:str]",
    type: "str",
    plaintext: "foo",
  },
  {
    aad: "db:port:",
    envelope:
      "ENC[AES256_GCM,data:AmYxrg==,iv:JOJy1BK74RUpP9/sskwjOCp+6874phj5WTBZ6Pz84ss=,tag:8TRnzzVznOltPRwxCaBaIw==,type:int]",
    type: "int",
    plaintext: "5432",
  },
  {
    aad: "db:ratio:",
    envelope:
      "ENC[AES256_GCM,data:k1k5,iv:OxH/5aQsz2nVBGA7uKLsHiUrFuY3C/Ct1mcaeGr5EcE=,tag:HqUbZBTBErWi54uHf/RHlg==,type:float]",
    type: "float",
    plaintext: "0.5",
  },
  {
    aad: "db:tls:",
    envelope:
      "ENC[AES256_GCM,data:2ExpgQ==,iv:bOLCgZjmZyAzTkEaLQSLvD+2i/ITPJoFUTFq1XXmU5M=,tag:CRa/HYz60UVfd8H12In7Ow==,type:bool]",
    type: "bool",
    plaintext: "True",
  },
  {
    aad: "db:hosts:",
    envelope:
      "ENC[AES256_GCM,data:ZbnPHmngSoqH,iv:rg2kBuPG3VT1ru/hTtkGTRsAmXyp4IFDbSX0kP4sAjw=,tag:NCsPjnrqQVYGW3QH2cLlDQ==,type:str]",
    type: "str",
    plaintext: "b.example",
  },
  {
    aad: "db:since:",
    envelope:
      "ENC[AES256_GCM,data:9GMLbcF1tnrQVjYUS19g8FAe/zY=,iv:mdwHa9TRxclcfljCXLfXKJzje8xwHK+Ye14ZAuoOAJo=,tag:Q6iZrl4qClvGfAahoQW9jQ==,type:time]",
    type: "time",
    plaintext: "2024-02-29T12:00:00Z",
  },
  {
    aad: ":",
    envelope:
      "ENC[AES256_GCM,data:ihdVsDbvJezTL6hw,iv:uX9PmvmIUsc5uFj367DaIOGZ5iJ87Ff8V2hskh187qE=,tag:o1CMPanLWttKw5Hpi1Rl+A==,type:comment]",
    type: "comment",
    plaintext: " db settings",
  },
  {
    aad: "DEFAULT:top:",
    envelope:
      "ENC[AES256_GCM,data:3Q==,iv:etF8sfRo4KwmSqk4JcU0jOe3tM2uOmILBc1bhkhr9Sw=,tag:ltLihb++DQ+rwps9xhNqyg==,type:str]",
    type: "str",
    plaintext: "1",
  },
  {
    aad: "data:",
    envelope:
      "ENC[AES256_GCM,data:4rS6csn22e8=,iv:aAyYEU24sgk40jlFdL5KV3c00l4PkLYl5ZnBSwZOoDA=,tag:OuUVESuSeB7a79QsW7UjFA==,type:str]",
    type: "str",
    plaintext: text("68656c6c6f00ff0a"),
  },
];
