/** Plaintexts that cases are about. */

export const YAML = `# top
a: b
n: 5
f: 1.5
t: true
nul: null
empty: ""
l:
    # first
    - x
    - 2
    - k: v
m:
    k: v
    deep:
        s: secret
clear_unencrypted: seen
text: |
    one
    two
`;

export const TWO_DOCUMENTS = "a: b\nm:\n    k: v\n---\na: c\nother: d\n";

export const JSON_TEXT = `{
	"a": "b",
	"n": 5,
	"f": 1.5,
	"t": true,
	"nul": null,
	"l": [
		"x",
		2,
		{
			"k": "v"
		}
	],
	"m": {
		"k": "v"
	}
}
`;

export const FLAT_JSON = '{\n\t"a": "b",\n\t"n": 5\n}\n';

export const DOTENV = "# note\nA=b\nN=5\nLINES=one\\ntwo\nEMPTY=\nclear_unencrypted=seen\n";

export const INI = "; note\n[one]\na = b\nn = 5\n\n[two]\nk = v\n";

export const TEXT = "just text\nof two lines\n";

export const BYTES = new Uint8Array([0, 255, 254, 10, 13, 200, 1]);

/** Names, plaintexts and what of them can be in another format. */
export const formats = [
  { name: "f.yaml", type: "yaml", plain: YAML },
  { name: "f.json", type: "json", plain: JSON_TEXT },
  { name: "f.env", type: "dotenv", plain: DOTENV },
  { name: "f.ini", type: "ini", plain: INI },
  { name: "f.txt", type: "binary", plain: TEXT },
] as const;
