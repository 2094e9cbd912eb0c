" Policies of Pentane.
autocmd BufRead,BufNewFile *.pol set filetype=pentane
