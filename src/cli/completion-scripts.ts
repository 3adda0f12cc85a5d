/**
 * What `enc completion` prints. The scripts hold no commands and flags: they ask the program that stands on the line
 * (`enc __complete`, see `print-completions.ts`), so that they are as true as it is.
 */

/** For bash from 3.2 on, with or without the package bash-completion. */
export const bash = `# Completion of enc and dec for bash. In ~/.bashrc:  eval "$(enc completion bash)"
_keyleaf() {
  local line more=
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      word:*) COMPREPLY+=("\${line#word:}") ;;
      files:*) more=\${line#files:} ;;
    esac
  done <<< "$("\${1/#\\~\\//$HOME/}" __complete bash "$COMP_LINE" "$COMP_POINT" "$COMP_WORDBREAKS" 2>/dev/null)"
  # Where there is nothing else, bash completes names of files by itself. Before version 4 it cannot be told otherwise.
  type compopt >/dev/null 2>&1 || return 0
  if [[ ! $more ]]; then
    compopt +o bashdefault +o default
  elif [[ $more == word && \${#COMPREPLY[@]} -gt 0 ]]; then
    compopt -o filenames
    while IFS= read -r line; do
      [[ $line ]] && COMPREPLY+=("$line")
    done <<< "$(compgen -f -- "$2")"
  fi
}
complete -o bashdefault -o default -F _keyleaf enc dec
`;

export const zsh = `#compdef enc dec
# Completion of enc and dec for zsh. Save it as _enc in a folder of $fpath, or in ~/.zshrc, behind compinit:
#   source <(enc completion zsh)
_keyleaf() {
  local line text about files=none
  local -a words_behind items
  words_behind=("\${(@Q)words[CURRENT+1,-1]}")
  for line in "\${(@f)$("\${\${(Q)words[1]}/#\\~\\//$HOME/}" __complete lines $((CURRENT - 2)) \\
      "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" "\${words_behind[@]}" 2>/dev/null)}"; do
    case $line in
      word:*)
        text=\${\${line#word:}%%$'\\t'*}
        about=\${line#*$'\\t'}
        text=\${\${text//\\\\/\\\\\\\\}//:/\\\\:}
        items+=("$text\${about:+:$about}")
        ;;
      files:*) files=\${line#files:} ;;
    esac
  done
  (( \${#items} )) && _describe -t words 'word' items
  if [[ $files == value ]]; then
    compset -P '*=' && _files
  elif [[ $files == word ]]; then
    _files
  fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _keyleaf "$@"
else
  compdef _keyleaf enc dec
fi
`;

export const fish = `# Completion of enc and dec for fish. In ~/.config/fish/config.fish:  enc completion fish | source
function __keyleaf_complete
    set -l before (commandline -xpc 2>/dev/null; or commandline -opc)
    # A quote may still be open.
    set -l raw (commandline -ct)
    set -l unquoted (string unescape -- "$raw"; or string unescape -- "$raw'"; or string unescape -- "$raw\\"")
    set -l typed $unquoted[1]
    set -l all (commandline -xp 2>/dev/null; or commandline -op)
    set -l next (math (count $before) + 1)
    test -n "$(commandline -t)"; and set next (math $next + 1)
    set -l behind
    test $next -le (count $all); and set behind $all[$next..-1]
    set -l program (string replace -r '^~/' "$HOME/" -- $before[1])
    set -l files none
    for line in ($program __complete lines (math (count $before) - 1) $before[2..-1] "$typed" $behind 2>/dev/null)
        switch $line
            case 'word:*'
                string sub -s 6 -- $line
            case 'files:*'
                set files (string sub -s 7 -- $line)
        end
    end
    switch $files
        case word
            __fish_complete_path "$typed"
        case value
            set -l start (string replace -r '=.*' '=' -- "$typed")
            for path in (__fish_complete_path (string replace -r '^[^=]*=' '' -- "$typed"))
                echo $start$path
            end
    end
end
for program in enc dec
    complete -c $program -f -a '(__keyleaf_complete)'
end
`;

/** Words go there and back as JSON, since PowerShell before 7.3 loses quotes and empty words on the way to a program. */
export const powershell = `# Completion of enc and dec for PowerShell. In $PROFILE:
#   enc completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName enc, dec -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = [System.Collections.Generic.List[string]]::new()
    $at = -1
    $elements = $commandAst.CommandElements
    foreach ($element in @($elements | Select-Object -Skip 1)) {
        if ($at -lt 0 -and $element.Extent.EndOffset -ge $cursorPosition) {
            $at = $words.Count
            if ($element.Extent.StartOffset -ge $cursorPosition) { $words.Add('') }
            else {
                $words.Add($wordToComplete.Trim("'", '"'))
                continue
            }
        }
        if ($element -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $words.Add($element.Value) }
        else { $words.Add($element.Extent.Text) }
    }
    if ($at -lt 0) {
        $at = $words.Count
        $words.Add('')
    }
    $asked = [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes((ConvertTo-Json @{ at = $at; words = @($words) } -Compress)))
    $answer = (& $elements[0].Value __complete json $asked 2>$null) -join '' | ConvertFrom-Json
    foreach ($candidate in $answer.candidates) {
        $text = $candidate.text
        if ($text -notmatch '^[\\w./\\\\:=+-]+$') { $text = "'" + $text.Replace("'", "''") + "'" }
        $about = if ($candidate.about) { $candidate.about } else { $candidate.text }
        [System.Management.Automation.CompletionResult]::new($text, $candidate.text, 'ParameterValue', $about)
    }
    if ($answer.files -eq 'word') {
        [System.Management.Automation.CompletionCompleters]::CompleteFilename($wordToComplete)
    }
    elseif ($answer.files -eq 'value') {
        $start, $value = $wordToComplete -split '=', 2
        foreach ($found in [System.Management.Automation.CompletionCompleters]::CompleteFilename($value)) {
            [System.Management.Automation.CompletionResult]::new(
                "$start=" + $found.CompletionText, $found.ListItemText, $found.ResultType, $found.ToolTip)
        }
    }
}
`;
