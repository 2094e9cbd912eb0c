" Vim syntax file
" Language: Pentane, a network access policy language
" It mirrors the lexer and the heads of statements, so that a mistake in one statement colours no other. It knows nothing of what
" names stand for: that is for `pentane lsp`. `tests/editors/run` holds the words below against the tables of the language.

if exists('b:current_syntax')
  finish
endif
let s:options = &cpoptions
set cpoptions&vim

syntax case match
" What stands in the first column and starts a statement is in no section.
syntax sync minlines=100

" The words, by what they do.
let s:blocks = 'switch host gateway middlebox'
let s:verdicts = 'allow deny reject redirect pass outbound-only'
let s:clauses = 'from to for at via when one-way avoid pin limit mirror queue log audit until owner ticket'
let s:members = 'dpid access uplink certificate mac ip serves routes out in at'
let s:operators = 'in and or not'
let s:kinds = 'user host location switch network mac service'
let s:sets = 'any none unauthenticated authenticated registered unregistered internet gateway broadcast multicast controller'
let s:sources = 'directory tagged'
let s:fields = 'usrc udst hsrc hdst apsrc apdst dlsrc dldst dltype vlan pcp nwsrc nwdst dscp protocol tpsrc tpdst'
      \ .. ' icmp-type icmp-code'
let s:protocols = 'tcp udp sctp icmp icmpv6'
let s:ethertypes = 'ipv4 ipv6 arp lldp eapol'
let s:services = 'http https ssh telnet smtp smtps submission dns mdns dhcp dhcpv6 ntp snmp snmptrap syslog ldap ldaps'
      \ .. ' kerberos radius rdp vnc smb imap imaps pop3 pop3s nfs ftp tftp rsync ipp sip sips netbios mysql postgresql ping'
let s:days = 'mon tue wed thu fri sat sun'
let s:heading = 'include location user group network service default setting test section time assert invariant'
let s:reserved = join([s:blocks, s:heading, 'by', s:verdicts, s:clauses, s:members, s:operators, s:sets, s:sources, s:fields, s:protocols])

" Pieces of patterns. A word goes on over `-` and `.` where a letter or digit follows.
let s:end = '\%(\w\|[.-]\+\w\)\@!'
let s:literalend = '\%([0-9A-Za-z_/]\|[.-]\+\w\|:[0-9A-Za-z_:]\)\@!'
let s:word = '\w\%([0-9A-Za-z_.-]*\w\)\='

function s:Any(words) abort
  return '\%(' .. join(split(a:words), '\|') .. '\)'
endfunction

function s:Words(words) abort
  return s:Any(a:words) .. s:end
endfunction

let s:plain = '\a\%([0-9A-Za-z_.-]*\w\)\='
let s:name = s:plain .. s:end .. '\%(:\w\)\@!'
" Where no word of the language stands in its way.
let s:othername = '\%(' .. s:Words(s:reserved) .. '\)\@!' .. s:name
let s:verdict = s:Words(s:verdicts)

" Where a statement surely starts, at the beginning of a line, whatever stands before: an unfinished statement ends there.
let s:heads = [
      \ '\%(include\|test\)\s\+"',
      \ 'default\s\+' .. s:verdict,
      \ s:Any(s:blocks) .. '\s\+' .. s:plain .. '\s*{',
      \ 'section\s\+' .. s:plain .. '\s*\%({\|' .. s:Words('owner scope') .. '\)',
      \ 'invariant\s\+' .. s:plain .. '\s*(',
      \ '\%(setting\|group\|network\|service\|location\|time\)\s\+' .. s:plain .. '\s*=>\@!',
      \ 'user\s\+' .. s:plain .. '\s*;',
      \ s:plain .. '\s*:\s*\%(\%(audit' .. s:end .. '\s*\)\=' .. s:verdict .. '\|assert' .. s:end .. '\)',
      \ 'assert\s\+' .. s:plain .. '\s\+=\@!',
      \ ]
" In a test, a verdict may stand on a line of its own.
let s:nextintest = 'end=/^\s*\%(' .. join(s:heads, '\|') .. '\)/me=s-1'
let s:anyhead = '\%(' .. join(s:heads + ['\%(audit' .. s:end .. '\s\+\)\=' .. s:verdict], '\|') .. '\)'
let s:next = 'end=/^\s*' .. s:anyhead .. '/me=s-1'
" Where a list of services, or the value of a field, is over.
let s:over = 'end=/[;)}]\|=>\|->\|' .. s:Words(s:clauses .. ' and or by vlan') .. '/me=s-1 ' .. s:next

" What a statement that ends in `;` ends with, and one that ends with its block.
let s:close = 'matchgroup=pentaneDelimiter end=/;/ matchgroup=NONE end=/}/me=s-1 ' .. s:next

function s:Match(group, pattern, ...) abort
  execute 'syntax match' a:group '/' .. escape(a:pattern, '/') .. '/' join(a:000)
endfunction

" Words, by the engine that is faster with lists of them.
function s:List(group, words, ...) abort
  execute 'syntax match' a:group '/\%#=1' .. s:Words(a:words) .. '/' join(a:000)
endfunction

function s:Statement(group, start, contains) abort
  execute 'syntax region' a:group 'matchgroup=pentaneDeclaration start=/' .. a:start .. s:end .. '/' s:close
        \ 'contains=' .. a:contains
endfunction

function s:Block(group, word, ends, contains) abort
  execute 'syntax region' a:group 'matchgroup=pentaneDeclaration start=/' .. a:word .. s:end .. '/'
        \ 'matchgroup=pentaneDelimiter end=/[;}]/ matchgroup=NONE' a:ends 'contains=@pentaneTrivia,' .. a:contains
endfunction

" What stands in the body of a block, its `{` with it, up to its `}`.
function s:Body(group, ends, contains) abort
  execute 'syntax region' a:group 'contained matchgroup=pentaneDelimiter start=/{/ matchgroup=NONE end=/}/me=s-1' a:ends
        \ 'contains=' .. a:contains
endfunction

function s:Braces(group, contains) abort
  execute 'syntax region' a:group 'contained matchgroup=pentaneDelimiter start=/{/ end=/}/ matchgroup=NONE end=/;/me=s-1' s:next
        \ 'contains=' .. a:contains
endfunction

" A region behind a word, up to where lists and values are over.
function s:Behind(group, words, shown, contains) abort
  execute 'syntax region' a:group 'contained matchgroup=' .. a:shown 'start=/' .. s:Words(a:words) .. '/ matchgroup=NONE' s:over
        \ 'contains=' .. a:contains
endfunction

" Of patterns that match at one place, the last counts: first what cannot stand anywhere, then words, then literals.
syntax match pentaneStrayError /\S/
call s:Match('pentaneUnknownError', s:word .. s:end)
call s:Match('pentaneUnknown', s:name)
syntax match pentaneEmpty /;/
syntax match pentaneCharacterError /\S/ contained
call s:Match('pentaneNameError', s:word .. s:end, 'contained')
call s:Match('pentaneReference', s:name, 'contained')
call s:Match('pentaneName', s:name, 'contained')
call s:Match('pentaneSettingWord', s:name, 'contained')
call s:List('pentaneReservedError', s:reserved, 'contained')
syntax cluster pentaneMisplaced contains=pentaneCharacterError,pentaneNameError,pentaneReservedError
syntax cluster pentaneReferences contains=@pentaneMisplaced,pentaneReference

" Words.
call s:List('pentaneOperator', s:operators, 'contained')
syntax match pentaneSymbol /!=\|==\=>\@!\|[|&]\|->\@!/ contained
syntax match pentaneComma /,/ contained
call s:List('pentaneField', s:fields, 'contained')
call s:Match('pentaneTimeField', 'time' .. s:end, 'contained')
call s:List('pentaneKind', s:kinds, 'contained')
call s:List('pentaneSet', s:sets, 'contained')
call s:Match('pentaneAnySet', 'any' .. s:end, 'contained')
call s:Match('pentaneServiceKind', 'service' .. s:end, 'contained')
call s:List('pentaneSource', s:sources, 'contained')
call s:Match('pentaneSource', 'radius' .. s:end .. '\%(\s\+class' .. s:end .. '\)\@=',
      \ 'contained nextgroup=pentaneRadiusClass skipwhite')
call s:Match('pentaneRadiusClass', 'class' .. s:end, 'contained')
call s:List('pentaneService', s:services, 'contained')
call s:List('pentaneEtherType', s:ethertypes, 'contained')
call s:Match('pentaneDay', '\%(' .. s:Any(s:days) .. '\%(-' .. s:Any(s:days) .. '\)\=\|daily\)' .. s:end, 'contained')
call s:Match('pentaneTo', 'to' .. s:end, 'contained')
call s:List('pentaneClause', s:clauses, 'contained')
call s:List('pentaneShortForm', 'from to at', 'contained')
call s:Match('pentaneClause', 'vlan' .. s:end .. '\%(\s\+\d\)\@=', 'contained')
call s:Match('pentaneTarget', '\%(redirect\s\+\)\@<=portal' .. s:end, 'contained')
call s:Match('pentaneClaim', '\%(assert\s\+\)\@<=' .. s:Words('never always'), 'contained')

" Literals, the longest shapes last. What has the shape of one and no value is an error.
let s:octet = '\%(25[0-5]\|2[0-4]\d\|1\d\d\|[1-9]\=\d\)'
let s:ipv4 = s:octet .. '\%(\.' .. s:octet .. '\)\{3}'
let s:clock = '\%(\%([01]\d\|2[0-3]\):[0-5]\d\|24:00\)'
let s:date = '\d\{4}-\%(0[1-9]\|1[0-2]\)-\%(0[1-9]\|[12]\d\|3[01]\)'
let s:port = '\%(0x0*\x\{1,4}\|0*\%(6553[0-5]\|655[0-2]\d\|65[0-4]\d\d\|6[0-4]\d\{3}\|[1-5]\d\{4}\|\d\{1,4}\)\)'
let s:byte = '\%(0x0*\x\{1,2}\|0*\%(25[0-5]\|2[0-4]\d\|1\d\d\|\d\{1,2}\)\)'
let s:bytes = s:byte .. '\%(-' .. s:byte .. '\)\='

" All forms of an IPv6 address: eight groups, or fewer around one `::`, the last two of which may be an IPv4 address. An IPv4
" address in IPv6 form is refused: no packet carries it.
function s:IPv6() abort
  let group = '\x\{1,4}'
  let forms = ['\%(' .. group .. ':\)\{6}' .. s:ipv4, '\%(' .. group .. ':\)\{7}' .. group]
  for head in range(7, 0, -1)
    let before = head == 0 ? '::' : group .. '\%(:' .. group .. '\)\{' .. (head - 1) .. '}::'
    let left = 7 - head
    let tails = left < 2 ? [] : ['\%(' .. group .. ':\)\{0,' .. (left - 2) .. '}' .. s:ipv4]
    let tails += left < 1 ? [] : [group .. '\%(:' .. group .. '\)\{0,' .. (left - 1) .. '}']
    call add(forms, before .. (empty(tails) ? '' : '\%(' .. join(tails, '\|') .. '\)\='))
  endfor
  let mapped = '\%(::[fF]\{4}:\%(' .. s:ipv4 .. '\|' .. group .. ':' .. group .. '\)' .. s:literalend .. '\)\@!'
  return mapped .. '\%(' .. join(forms, '\|') .. '\)'
endfunction

call s:Match('pentaneNumber', '\d\+\%(-\d\+\)\=' .. s:end, 'contained')
call s:Match('pentaneNumber', '0x\x\+' .. s:end, 'contained')
call s:Match('pentaneDate', s:date .. s:end, 'contained')
call s:Match('pentaneRate', '0*[1-9]\d*\c[gmk]\=bps' .. s:end, 'contained contains=pentaneUnit')
call s:Match('pentaneUnit', '\a\+', 'contained')
call s:List('pentaneProtocol', s:protocols, 'contained')
call s:Match('pentaneLiteralError', s:word .. '\%(/\%(' .. s:word .. '\)\=\)\+', 'contained')
let s:groups = '[0-9A-Za-z_.]\+\%(:[0-9A-Za-z_.]\+\)*'
let s:length = '\%(/[0-9A-Za-z]*\)\='
call s:Match('pentaneLiteralError', '\%(\w\+\%(:\w\+\)*\)\=\%(::\%(' .. s:groups .. '\)\=\)\+' .. s:length,
      \ 'contained contains=pentaneAddress6')
call s:Match('pentaneLiteralError', s:word .. '\%(:' .. s:word .. '\)\+' .. s:length, 'contained contains=pentaneAddress6')
call s:Match('pentaneDate', s:date .. 'T' .. s:clock .. '\%(:[0-5]\d\)\=' .. s:literalend, 'contained')
call s:Match('pentaneTime', s:clock .. '\%(-' .. s:clock .. '\)\=' .. s:literalend, 'contained')
call s:Match('pentanePorts', s:Any('tcp udp sctp') .. '/' .. s:port .. '\%(-' .. s:port .. '\)\=' .. s:literalend,
      \ 'contained contains=pentanePort,pentaneProtocolPart,pentaneSlash')
call s:Match('pentaneTypes', s:Any('icmp icmpv6') .. '/' .. s:bytes .. '\%(/' .. s:bytes .. '\)\=' .. s:literalend,
      \ 'contained contains=pentaneNumberPart,pentaneProtocolPart,pentaneSlash')
call s:Match('pentaneTypes', 'ip/' .. s:bytes .. s:literalend,
      \ 'contained contains=pentaneNumberPart,pentaneProtocolPart,pentaneSlash')
call s:Match('pentanePlace', s:plain .. ':0*[1-9]\d*' .. s:literalend, 'contained contains=pentanePortOfPlace')
call s:Match('pentaneAddress', s:ipv4 .. '\%(/0*\%(3[0-2]\|[12]\=\d\)\)\=' .. s:literalend,
      \ 'contained contains=pentanePrefixSlash')
" Looked for in what has its shape alone, since the pattern is large.
call s:Match('pentaneAddress6', '[0-9A-Za-z_.:]\@1<!' .. s:IPv6() .. '\%(/0*\%(12[0-8]\|1[01]\d\|\d\{1,2}\)\)\=' .. s:literalend,
      \ 'contained contains=pentanePrefixSlash')
call s:Match('pentaneMac', '\%(\x\x\%(:\x\x\)\{5}\|\x\x\%(-\x\x\)\{5}\)' .. s:literalend, 'contained')
call s:Match('pentaneNameError', '[0-9A-Za-z_.-]*[^\x00-\x7F]\%([0-9A-Za-z_.-]\|[^\x00-\x7F]\)*', 'contained')
" Their parts.
call s:Match('pentanePort', '[0-9a-fx-]\+', 'contained')
call s:Match('pentaneNumberPart', '[0-9a-fA-Fx-]\+', 'contained')
call s:Match('pentaneProtocolPart', s:Any(s:protocols .. ' ip') .. '/\@=', 'contained')
syntax match pentaneSlash +/+ contained
syntax match pentanePrefixSlash +/+ contained nextgroup=pentaneLength
syntax match pentaneLength /\d\+/ contained
syntax match pentanePortOfPlace /:\d\+/ contained contains=pentaneColon,pentanePort
syntax match pentaneColon /:/ contained
syntax cluster pentaneLiterals contains=pentaneNumber,pentaneDate,pentaneProtocol,pentaneLiteralError,pentaneTime,pentanePorts,
      \pentaneTypes,pentanePlace,pentaneAddress,pentaneMac,pentaneNameError

" Strings and comments, and what must not stand in any.
" The other engine refuses ranges as long as those for private use.
execute 'syntax match pentaneHiddenError /\%#=2[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xa0\u00ad\u034f\u061c\u115f\u1160\u1680'
      \ .. '\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ue000-\uf8ff\ufe00-\ufe0d'
      \ .. '\ufeff\uffa0\ufff0-\ufffc\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010ffff]/'
syntax match pentaneEscape /\\./ contained
syntax region pentaneString contained start=/"/ skip=/\\./ end=/"/ oneline contains=pentaneEscape,pentaneHiddenError,@Spell
" Not closed on its line: a `;` or `{` at the end is what it was meant to be.
syntax match pentaneStringError /"\%([^"\\]\|\\.\)\{-}\\\=\%([;{]\=\s*$\)\@=/ contained
syntax cluster pentaneStrings contains=pentaneString,pentaneStringError
syntax match pentaneComment /#.*/ contains=pentaneHiddenError,@Spell
syntax match pentaneCommentMark /#\+\s*\%(allow(\s*\u\d\{4}\s*)\)\@=/ nextgroup=pentaneSuppression
syntax match pentaneSuppression /allow/ contained nextgroup=pentaneSuppressed
syntax match pentaneSuppressed /(\s*\u\d\{4}\s*)/ contained contains=pentaneCode nextgroup=pentaneReason
syntax match pentaneCode /\u\d\{4}/ contained
syntax match pentaneReason /.*/ contained contains=pentaneHiddenError,@Spell
syntax match pentaneCommentError +//.*+
syntax region pentaneCommentError start=+/\*+ end=+\*/+
syntax cluster pentaneTrivia contains=pentaneComment,pentaneCommentMark,pentaneCommentError,pentaneHiddenError

" Lists of services, Ethernet types and windows; sets and conditions.
syntax cluster pentaneServices contains=@pentaneTrivia,@pentaneLiterals,@pentaneReferences,pentaneService,pentaneServiceKind,
      \pentaneAnySet,pentaneServiceBraces,pentaneOperator,pentaneSymbol,pentaneComma
call s:Braces('pentaneServiceBraces', '@pentaneServices')
syntax cluster pentaneEtherTypes contains=@pentaneTrivia,@pentaneLiterals,@pentaneReferences,pentaneEtherType,
      \pentaneEtherTypeBraces,pentaneOperator,pentaneSymbol,pentaneComma
call s:Braces('pentaneEtherTypeBraces', '@pentaneEtherTypes')
syntax cluster pentaneWindows contains=@pentaneTrivia,@pentaneLiterals,@pentaneReferences,pentaneDay,pentaneTo,pentaneComma
syntax cluster pentaneExpression contains=@pentaneTrivia,@pentaneLiterals,@pentaneReferences,@pentaneStrings,pentaneOperator,
      \pentaneSymbol,pentaneComma,pentaneField,pentaneTimeField,pentaneKind,pentaneSet,pentaneSource,pentaneRadiusClass,
      \pentaneShortForm,pentaneBraces,pentaneParentheses,pentaneFor,pentaneProtocolTest,pentaneEtherTypeTest
call s:Braces('pentaneBraces', '@pentaneExpression')
call s:Match('pentaneKind', 'service' .. s:end .. '\%(\s*{\)\@=', 'contained nextgroup=pentaneServiceBraces skipwhite')
execute 'syntax region pentaneParentheses contained matchgroup=pentaneDelimiter start=/(/ end=/)/ matchgroup=NONE end=/;/me=s-1'
      \ s:next 'contains=@pentaneExpression'
call s:Behind('pentaneFor', 'for', 'pentaneClause', '@pentaneServices')
call s:Behind('pentaneProtocolTest', 'protocol', 'pentaneField', '@pentaneServices')
call s:Behind('pentaneEtherTypeTest', 'dltype', 'pentaneField', '@pentaneEtherTypes')
syntax cluster pentaneClauses contains=@pentaneExpression,pentaneClause,pentaneRate,pentaneTarget,pentaneClaim

" Statements.
call s:List('pentaneMember', s:members, 'contained')
call s:Match('pentaneNoService', '\%(serves\s\+\)\@<=none' .. s:end, 'contained')
syntax match pentaneTerminator /;/ contained
call s:Body('pentaneBlock', s:next,
      \ '@pentaneTrivia,@pentaneLiterals,@pentaneReferences,@pentaneStrings,pentaneMember,'
      \ .. 'pentaneNoService,pentaneComma,pentaneTerminator')
syntax cluster pentaneDeclared contains=@pentaneMisplaced,pentaneName
call s:Match('pentaneLabel', s:name .. '\%(\s*:\)\@=', 'nextgroup=pentaneLabelColon skipwhite')
call s:Match('pentaneLabel', s:plain .. '\%(:' .. s:verdict .. '\)\@=', 'nextgroup=pentaneLabelColon')
syntax match pentaneLabelColon /:/ contained
call s:Match('pentaneAudit', 'audit' .. s:end)
call s:Statement('pentaneInclude', 'include', '@pentaneTrivia,@pentaneStrings,@pentaneMisplaced')
call s:Statement('pentaneUser', 'user', '@pentaneTrivia,@pentaneDeclared')
for s:block in split(s:blocks)
  call s:Block('pentaneDeclarationBlock', s:block, s:next, '@pentaneDeclared,pentaneBlock')
endfor
for [s:block, s:value] in items({
      \ 'location': '@pentaneTrivia,@pentaneLiterals,@pentaneReferences',
      \ 'group': '@pentaneExpression',
      \ 'network': '@pentaneTrivia,@pentaneLiterals,@pentaneMisplaced,pentaneComma',
      \ 'service': '@pentaneServices',
      \ 'time': '@pentaneWindows',
      \ })
  call s:Statement('pentaneAssignment', s:block, '@pentaneTrivia,@pentaneDeclared,pentaneValue_' .. s:block)
  execute 'syntax region pentaneValue_' .. s:block 'contained matchgroup=pentaneDelimiter start=/==\=>\@!/ matchgroup=NONE'
        \ 'end=/[;}]/me=s-1' s:next 'contains=' .. s:value
endfor
execute 'syntax region pentaneRule matchgroup=pentaneVerdict start=/' .. s:verdict .. '/' s:close 'contains=@pentaneClauses'
call s:Statement('pentaneAssert', 'assert', '@pentaneClauses')
call s:Match('pentaneRelationError', s:word .. s:end, 'contained')
call s:List('pentaneRelation', 'disjoint subset nonempty', 'contained')
call s:Statement('pentaneInvariant', 'invariant',
      \ '@pentaneTrivia,pentaneCharacterError,pentaneRelationError,pentaneRelation,pentaneParentheses')
" What the other two decide depends on more than one flow.
call s:List('pentaneVerdict', 'allow deny reject redirect', 'contained')
call s:Statement('pentaneDefault', 'default', '@pentaneTrivia,@pentaneMisplaced,pentaneVerdict,pentaneTarget')
call s:List('pentaneSettingName', 'multi-user time-zone', 'contained')
call s:List('pentaneSettingValue', 'least-restrictive most-restrictive', 'contained')
execute 'syntax region pentaneSettingPart contained matchgroup=pentaneDelimiter start=/==\=>\@!/ matchgroup=NONE end=/[;}]/me=s-1'
      \ s:next 'contains=@pentaneTrivia,@pentaneStrings,@pentaneMisplaced,pentaneSettingWord,pentaneSettingValue'
call s:Statement('pentaneSetting', 'setting', '@pentaneTrivia,@pentaneMisplaced,pentaneSettingName,pentaneSettingPart')
call s:Match('pentaneHeadClause', 'owner' .. s:end .. '\|scope' .. s:end .. '\%(\s*(\)\@=', 'contained')
call s:Body('pentaneSectionBody', '', '@pentaneStatements')
call s:Block('pentaneSection', 'section', s:next,
      \ '@pentaneStrings,@pentaneDeclared,pentaneHeadClause,pentaneParentheses,pentaneSectionBody')
syntax cluster pentaneStatements contains=@pentaneTrivia,pentaneUnknown,pentaneUnknownError,pentaneStrayError,pentaneEmpty,
      \pentaneLabel,pentaneAudit,pentaneInclude,pentaneUser,pentaneDeclarationBlock,pentaneAssignment,pentaneRule,pentaneAssert,
      \pentaneInvariant,pentaneDefault,pentaneSetting,pentaneSection,pentaneTest

" Lines of a test.
syntax match pentaneArrow /=>\|->/ contained
call s:Match('pentaneCase', 'by' .. s:end, 'contained nextgroup=pentaneDecider skipwhite')
call s:Match('pentaneDecider', s:othername, 'contained')
call s:Match('pentaneByDefault', 'default' .. s:end, 'contained')
call s:Match('pentaneAt', 'at' .. s:end, 'contained nextgroup=pentaneNamed skipwhite')
call s:List('pentaneKindOfEnd', 'user host location switch network mac', 'contained nextgroup=pentaneNamed skipwhite')
call s:Match('pentaneNamed', s:othername, 'contained')
call s:Match('pentaneTypeField', 'dltype' .. s:end, 'contained nextgroup=pentaneEtherType skipwhite')
execute 'syntax region pentaneMoment contained matchgroup=pentaneField start=/time' .. s:end .. '/'
      \ 'matchgroup=NONE end=/[;}]\|=>/me=s-1' s:nextintest 'contains=@pentaneTrivia,@pentaneLiterals,@pentaneMisplaced,pentaneDay'
call s:Behind('pentaneVia', 'via', 'pentaneClause', '@pentaneTrivia,@pentaneReferences,pentaneComma')
call s:Body('pentaneTestBody', s:nextintest, '@pentaneTrivia,@pentaneLiterals,@pentaneReferences,@pentaneStrings,pentaneArrow,'
      \ .. 'pentaneTerminator,pentaneVerdict,pentaneTarget,pentaneSource,pentaneMoment,pentaneVia,pentaneCase,pentaneByDefault,'
      \ .. 'pentaneAt,pentaneKind,pentaneKindOfEnd,pentaneService,pentaneField,pentaneTypeField,pentaneSet,pentaneSymbol,pentaneComma')
call s:Block('pentaneTest', 'test', s:nextintest, '@pentaneStrings,@pentaneMisplaced,pentaneTestBody')

execute 'syntax sync match pentaneSync grouphere NONE /^' .. s:anyhead .. '/'

highlight default link pentaneDeclaration Structure
highlight default link pentaneName Identifier
highlight default link pentaneLabel Label
highlight default link pentaneVerdict Statement
highlight default link pentaneAudit pentaneClause
highlight default link pentaneClause Keyword
highlight default link pentaneShortForm pentaneClause
highlight default link pentaneHeadClause pentaneClause
highlight default link pentaneAt pentaneClause
highlight default link pentaneMember Keyword
highlight default link pentaneNoService pentaneSet
highlight default link pentaneCase Keyword
highlight default link pentaneByDefault pentaneDeclaration
highlight default link pentaneOperator Operator
highlight default link pentaneSymbol Operator
highlight default link pentaneArrow Operator
highlight default link pentaneTo Operator
highlight default link pentaneKind Type
highlight default link pentaneServiceKind pentaneKind
highlight default link pentaneKindOfEnd pentaneKind
highlight default link pentaneSet Constant
highlight default link pentaneAnySet pentaneSet
highlight default link pentaneSource Function
highlight default link pentaneRadiusClass pentaneSource
highlight default link pentaneRelation Function
highlight default link pentaneClaim Statement
highlight default link pentaneTarget Constant
highlight default link pentaneField Identifier
highlight default link pentaneTimeField pentaneField
highlight default link pentaneTypeField pentaneField
highlight default link pentaneProtocol Type
highlight default link pentaneProtocolPart pentaneProtocol
highlight default link pentaneEtherType Constant
highlight default link pentaneService Constant
highlight default link pentaneDay Constant
highlight default link pentaneSettingName Identifier
highlight default link pentaneSettingValue Constant
highlight default link pentaneNumber Number
highlight default link pentaneNumberPart pentaneNumber
highlight default link pentanePort Number
highlight default link pentaneLength Number
highlight default link pentaneRate Number
highlight default link pentaneUnit Type
highlight default link pentaneAddress Number
highlight default link pentaneAddress6 pentaneAddress
highlight default link pentaneMac Number
highlight default link pentaneDate Number
highlight default link pentaneTime Number
highlight default link pentaneString String
highlight default link pentaneEscape SpecialChar
highlight default link pentaneComment Comment
highlight default link pentaneCommentMark pentaneComment
highlight default link pentaneSuppressed pentaneComment
highlight default link pentaneReason pentaneComment
highlight default link pentaneSuppression SpecialComment
highlight default link pentaneCode SpecialComment
highlight default link pentaneDelimiter Delimiter
highlight default link pentaneComma pentaneDelimiter
highlight default link pentaneTerminator pentaneDelimiter
highlight default link pentaneEmpty pentaneDelimiter
highlight default link pentaneLabelColon pentaneDelimiter
highlight default link pentaneColon pentaneDelimiter
highlight default link pentaneSlash pentaneDelimiter
highlight default link pentanePrefixSlash pentaneDelimiter
highlight default link pentaneCharacterError Error
highlight default link pentaneNameError Error
highlight default link pentaneReservedError Error
highlight default link pentaneLiteralError Error
highlight default link pentaneStringError Error
highlight default link pentaneCommentError Error
highlight default link pentaneHiddenError Error
highlight default link pentaneRelationError Error
highlight default link pentaneStrayError Error
highlight default link pentaneUnknownError Error

let b:current_syntax = 'pentane'
let &cpoptions = s:options
unlet s:options s:block s:value
