import {
  decryptFlags,
  editFlags,
  encryptFlags,
  execEnvFlags,
  execFileFlags,
  execFlags,
  type Flag,
  filestatusFlags,
  getFlags,
  groupsAddFlags,
  groupsDeleteFlags,
  keygenFlags,
  keyServiceFlags,
  keyserviceCommandFlags,
  publishFlags,
  recipientsListFlags,
  rotateFlags,
  setFlags,
  trustFlag,
  unsetFlags,
  updatekeysFlags,
} from "../flags.ts";
import type { Command } from "./command.ts";

/** Everything that is said about the commands, and their flags. Loaded only for lines that have a flag, and for help. */

/** What is said about one command. */
export interface Manual {
  readonly summary: string;
  /** Whole sentences, for the command's own help. */
  readonly description: string;
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  readonly flags: readonly Flag[];
}

const manuals: ReadonlyMap<string, Manual> = new Map<string, Manual>([
  [
    "encrypt",
    {
      summary: "encrypt the values of a file; keys and layout stay",
      description:
        "Encrypts the values of a YAML, JSON, .env, INI or TOML file, each on its own, and leaves all other text as it is. " +
        "Any other file is encrypted as a whole. The result goes to standard output. Without FILE, or with -, standard input is read. " +
        "Recipients come from flags, from the rule for the file in .sops.yaml, or are your own age key. " +
        "With --in-place, FILE may also be a folder or a quoted pattern: then the files are meant that a rule with path_regex " +
        "names, or that have a name of one of these formats. The word encrypt may be left out.",
      examples: [
        ["enc secrets.yaml > secrets.enc.yaml", "encrypt to a file that can be committed"],
        ["enc -i config", "encrypt the files of a folder in place, all or none"],
        ["enc --age age1... --encrypted-regex '^(password|token)$' app.json", "encrypt some values only"],
        ["kubectl get secret x -o yaml | enc --filename-override x.enc.yaml", "encrypt standard input"],
      ],
      flags: encryptFlags,
    },
  ],
  [
    "decrypt",
    {
      summary: "decrypt a file, or give one value of it",
      description:
        "Decrypts a file and gives back the text that was encrypted, byte for byte. Nothing is printed before every value and " +
        "the MAC over all of them have been checked. Without FILE, or with -, standard input is read. " +
        "With --in-place, FILE may also be a folder or a quoted pattern: then its encrypted files are meant. dec is short for " +
        "enc decrypt.",
      examples: [
        ["dec secrets.enc.yaml", "the whole file"],
        ["dec --get db.password secrets.enc.yaml", "one value, without a line break"],
        ["dec --as dotenv -o .env secrets.enc.json", "in another format, to a file only you can read"],
        ["dec -i --all", "in place, whatever is encrypted in the git repository"],
      ],
      flags: decryptFlags,
    },
  ],
  [
    "edit",
    {
      summary: "edit an encrypted file in your editor, or make one",
      description:
        "Opens the decrypted file in SOPS_EDITOR, EDITOR or VISUAL, or else vim, nano or vi, and encrypts what you save: what you " +
        "did not change stays as it is, byte for byte. The plaintext is in a folder that only you can look into, in memory where " +
        "the system has a place for that, and gone afterwards. After a mistake the editor opens the same text once more. A file that " +
        "is not there is made; who can read it, and which values are encrypted, is found out before the editor opens, as by encrypt. " +
        "If nothing changes, nothing is written. If somebody else has changed the file meanwhile, both changes go in, or yours " +
        "is kept encrypted beside it.",
      examples: [
        ["enc edit secrets.enc.yaml", "edit it"],
        ["EDITOR='code --wait' enc edit secrets.enc.yaml", "in another editor"],
        ["enc edit --age age1... new.enc.yaml", "make a file"],
      ],
      flags: editFlags,
    },
  ],
  [
    "set",
    {
      summary: "set one value of an encrypted file",
      description:
        "Sets one value in the file itself: all else keeps its text and its ciphertext, so that a diff shows three lines. VALUE is JSON: " +
        "5 is an integer, 5.0 a float, '\"5\"' text. A key that is not there is appended to its mapping, missing levels are made, and " +
        "a list position at or beyond the length appends. In .env and INI files everything is text. The value is never printed. " +
        'PATH is db.hosts[0], or \'["db"]["hosts"][0]\' as sops spells it. Where the value is there already, nothing is written. ' +
        "A VALUE that begins with a dash needs -- before it.",
      examples: [
        ["enc set secrets.enc.yaml db.port 5432", "a number"],
        ["enc set --string secrets.enc.yaml db.user alice", "text, without quotes within quotes"],
        ["pass db | enc set --string --value-stdin secrets.enc.yaml db.password", "not in the list of processes"],
        ["enc set secrets.enc.yaml db.password --generate 32", "a random value"],
      ],
      flags: setFlags,
    },
  ],
  [
    "get",
    {
      summary: "print one value of an encrypted file",
      description:
        "The same as dec --get PATH FILE: text without quotes and without a line break, anything else in the format of the file. " +
        'PATH is db.hosts[0], or \'["db"]["hosts"][0]\' as sops spells it.',
      examples: [["enc get secrets.enc.yaml db.password", "without a line break"]],
      flags: getFlags,
    },
  ],
  [
    "unset",
    {
      summary: "remove one value of an encrypted file",
      description:
        "Removes one value, or all that is under a path, from the file itself, with the comment at the end of its line. Comment lines " +
        "above it stay, unless the file has a rule about comments. All else keeps its text and its ciphertext. " +
        "PATH is as for enc set. Where nothing is there, nothing is written, and that is no error.",
      examples: [["enc unset secrets.enc.yaml db.password", "one key"]],
      flags: unsetFlags,
    },
  ],
  [
    "init",
    {
      summary: "set up this machine and this folder; run again, it changes nothing",
      description:
        "Makes an age identity for you if there is none, .sops.yaml with a rule that encrypts to it, .gitignore lines for " +
        "plaintext and, in a git repository, the diff driver. Says what it did, and changes nothing that is there.",
      examples: [["enc init", "set up the repository you are in"]],
      flags: [],
    },
  ],
  [
    "keygen",
    {
      summary: "make an age identity and print its recipient",
      description:
        "Writes a new age identity where sops looks for it, readable by you only, and prints its recipient (the public side). " +
        "A file that exists is never overwritten.",
      examples: [
        ["enc keygen", "your own identity"],
        ["enc keygen -o ci.txt", "one for somebody else"],
      ],
      flags: keygenFlags,
    },
  ],
  [
    "git setup",
    {
      summary: "let git diff show what changed inside encrypted files",
      description:
        "Adds *.enc.* and *.enc to .gitattributes and configures enc as their textconv program in this repository, so that " +
        "git diff, log -p and show compare plaintext. Nothing decrypted is stored in the repository.",
      examples: [["enc git setup", "in any folder of the repository"]],
      flags: [],
    },
  ],
  [
    "git textconv",
    {
      summary: "print a file decrypted, for git diff",
      description:
        "What git calls. A file that is not encrypted, or cannot be decrypted here, is printed as it is; in the second case " +
        "a comment in front says why.",
      examples: [["git config diff.keyleaf.textconv 'enc git textconv'", "what enc git setup does"]],
      flags: [trustFlag, ...keyServiceFlags],
    },
  ],
  [
    "exec",
    {
      summary: "run a program with the values of encrypted files in its environment",
      description:
        "Decrypts files and runs a program whose environment has their values as variables. No shell is started, no file is " +
        "written, and nothing is run unless every value and the MAC are right. The program has the terminal and standard input; its exit " +
        "status is that of enc, and signals are passed on. Of a file with several documents the first one is used. A null " +
        "takes a variable away. Your own age keys (SOPS_AGE_KEY and the like) are kept from the program.",
      examples: [
        ["enc exec -f secrets.enc.yaml -- npm start", "run a program"],
        ["enc exec -f app.enc.env -f local.enc.env --only 'DB_*' -- psql", "some values of two files"],
        ["enc exec -f prod.enc.yaml --flatten --redact -- ./deploy.sh", "no value in the log"],
      ],
      flags: execFlags,
    },
  ],
  [
    "exec-env",
    {
      summary: "the same as sops exec-env: run a shell command with the values of a file",
      description:
        "Runs COMMAND by /bin/sh with the values at the top of a file as variables, as sops does. For new scripts enc exec is better: " +
        "it starts no shell, keeps your keys from the program, and takes no PATH from a file.",
      examples: [["enc exec-env secrets.enc.yaml 'echo $USER_NAME'", "COMMAND is one argument, for the shell"]],
      flags: execEnvFlags,
    },
  ],
  [
    "exec-file",
    {
      summary: "the same as sops exec-file: run a shell command with a file decrypted",
      description:
        "Runs COMMAND by /bin/sh, as sops does; {} in it stands for the path of the decrypted file. That is a named pipe in a folder that " +
        "only you can use, so that nothing is written to disk, and it is gone when the command has ended, whatever ends it.",
      examples: [
        ["enc exec-file config.enc.json 'app --config {}'", "for a program that reads a file"],
        [
          "enc exec-file --no-fifo --filename app.json config.enc.json 'app --config {}'",
          "for one that cannot read pipes",
        ],
      ],
      flags: execFileFlags,
    },
  ],
  [
    "rotate",
    {
      summary: "give a file a new data key, and seal every value again",
      description:
        "Seals every value of an encrypted file with a new data key, for the same recipients or, with --add-... and --rm-..., " +
        "others. Who only knows the old data key cannot read what is written from now on. The MAC is checked. The result goes to standard output. " +
        "Recipients that the rule for the file in .sops.yaml does not name are refused, since anybody who can change the file " +
        "can put themselves there. To remove a key that the file does not have is an error. With --in-place, FILE may also be a " +
        "folder or a quoted pattern: then its encrypted files are meant.",
      examples: [
        ["enc rotate -i secrets.enc.yaml", "a new data key, in place"],
        ["enc rotate -i --rm-age age1... --all", "without one of the recipients, wherever it is in the repository"],
        ["enc rotate -i --add-kms arn:aws:kms:... --encryption-context env:prod app.yaml", "for another one too"],
      ],
      flags: rotateFlags,
    },
  ],
  [
    "updatekeys",
    {
      summary: "let those read a file that its rule in .sops.yaml names",
      description:
        "Gives the data key of encrypted files to the recipients of their rules in .sops.yaml, with the rule's shamir_threshold, " +
        "and takes it from others. The plan is shown first, and asked about once. Values stay as they are, and so does the " +
        "data key: whoever is removed may have kept it, so enc rotate should follow. " +
        "All files are changed or none. FILE may also be a folder or a quoted pattern: then its encrypted files are meant.",
      examples: [
        ["enc updatekeys --dry-run --all", "what would change in the repository"],
        ["enc updatekeys secrets.enc.yaml", "show it, ask, and do it"],
        ["enc updatekeys --yes config", "the files of a folder, without a question"],
      ],
      flags: updatekeysFlags,
    },
  ],
  [
    "groups add",
    {
      summary: "add a key group to a file",
      description:
        "Adds a group with the recipients that are named, and splits the data key over all groups. The MAC is checked. The " +
        "result goes to standard output. " +
        "Other recipients of the file that its rule in .sops.yaml does not name are refused.",
      examples: [
        ["enc groups add -i --file app.yaml --age age1...", "of two groups, both are needed"],
        ["enc groups add -i --file app.yaml --pgp FINGERPRINT --shamir-secret-sharing-threshold 2", "two are needed"],
      ],
      flags: groupsAddFlags,
    },
  ],
  [
    "groups delete",
    {
      summary: "delete a key group of a file, by its number from 0",
      description:
        "Deletes a group, and splits the data key over the others. Refused where fewer groups would be left than are needed. " +
        "The MAC is checked. The result goes to standard output. " +
        "Recipients that stay, and that the rule for the file in .sops.yaml does not name, are refused.",
      examples: [
        ["enc groups delete 1 -i --file app.yaml", "delete the second of three groups, of which two are needed"],
        ["enc groups delete 1 -i --file app.yaml --shamir-secret-sharing-threshold 1", "the second of two"],
      ],
      flags: groupsDeleteFlags,
    },
  ],
  [
    "recipients list",
    {
      summary: "show who can read a file",
      description:
        "Prints a line for each recipient of encrypted files: its group where there are several, type, identity, and the name " +
        "that a comment in .sops.yaml gives it. Needs no key, so nothing of it is authenticated. FILE may also be a folder or a " +
        "quoted pattern: then its encrypted files are meant, those with the same recipients together.",
      examples: [
        ["enc recipients list secrets.enc.yaml", "who can read it"],
        ["enc recipients list --all --json", "of the whole repository, for programs"],
      ],
      flags: recipientsListFlags,
    },
  ],
  [
    "keyservice",
    {
      summary: "let other programs use your keys, without seeing them",
      description:
        "Wraps and unwraps data keys for whoever connects, with the keys at hand here that ask for nothing, until it is stopped with Ctrl-C: for " +
        "containers or, through a tunnel, other machines, that are given a socket and not the keys. It speaks " +
        "the protocol of sops, which has neither TLS nor a way to say who is asking. What guards a socket are therefore its " +
        "mode 0600 and its folder, which only you can write: the user id on the other side is not checked, since the runtime " +
        "cannot read it. TCP is open to every user of this machine. " +
        "The address goes to standard output once it listens.",
      examples: [
        ["enc keyservice", "on a socket that only you can open"],
        ["dec --keyservice unix:///run/user/1000/keyleaf/keys.sock FILE", "use it"],
        ["enc keyservice --prompt", "ask before each use"],
      ],
      flags: keyserviceCommandFlags,
    },
  ],
  [
    "filestatus",
    {
      summary: "tell whether a file is encrypted, as JSON",
      description:
        'Prints {"encrypted":true} or {"encrypted":false}, whichever the file shows: that it has the metadata of an encrypted ' +
        "one. No key is needed, and nothing is authenticated.",
      examples: [["enc filestatus secrets.enc.yaml", "for scripts"]],
      flags: filestatusFlags,
    },
  ],
  [
    "publish",
    {
      summary: "write encrypted files to S3 or Google Cloud Storage, or their values to Vault",
      description:
        "Writes a file to the place that destination_rules of .sops.yaml name for it: encrypted to a bucket, as it is or for " +
        "other recipients (recreation_rule), or decrypted to a KV engine of Vault or OpenBao. Every file is decrypted and its " +
        "MAC is checked before any goes out; then the names are shown, never a value, and you are asked.",
      examples: [
        ["enc publish secrets.enc.yaml", "one file"],
        ["enc publish --recursive --dry-run prod", "what would go where"],
        ["enc publish --recursive --yes prod", "where nobody can be asked"],
      ],
      flags: publishFlags,
    },
  ],
  [
    "completion",
    {
      summary: "let a shell complete commands, flags, file names and key paths",
      description:
        "Prints a script for bash, zsh, fish or powershell that completes the words of enc and dec: commands, flags and " +
        "their values, names of files, and for --get the keys of an encrypted file, for which no identity is needed. The " +
        "script asks the program itself, so it stays true after an update.",
      examples: [
        ['eval "$(enc completion bash)"', "in ~/.bashrc"],
        ["source <(enc completion zsh)", "in ~/.zshrc, behind compinit"],
        ["enc completion fish | source", "in config.fish"],
        ["enc completion powershell | Out-String | Invoke-Expression", "in $PROFILE"],
      ],
      flags: [],
    },
  ],
]);

export const everyFlag: readonly Flag[] = [...manuals.values()].flatMap(({ flags }) => flags);

export function manualOf({ name }: Command): Manual {
  const manual = manuals.get(name);
  if (manual === undefined) throw new Error(`nothing is said about ${name}`);
  return manual;
}
