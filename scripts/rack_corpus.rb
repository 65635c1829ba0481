# frozen_string_literal: true

# What Rack makes of form text: JSON lines in, JSON lines out, one process for all of them.
#
# In:  {"body": "a[b]=1"} or {"query": "a[b]=1;c=2"}, valid UTF-8
# Out: the same with "result", or "error" (Rack's class), or "skip" where a decoded piece is no UTF-8,
#      which Rack passes on as broken strings and the gateway reads as CP1252.
#
# Needs Debian's ruby and ruby-rack (2.2). Used by scripts/compare_rack.py.

require 'json'
require 'rack'
require 'rack/utils'

abort "Rack 2.2 is needed, this is #{Rack.release}" unless Rack.release.start_with?('2.2')

# The gateway's limits, so that they are compared too.
PARSER = Rack::QueryParser.make_default(65_536, 32, bytesize_limit: 1_048_576, params_limit: 4096)

def decodes?(text, separator)
  text.split(Rack::QueryParser::COMMON_SEP[separator] || Rack::QueryParser::DEFAULT_SEP).all? do |chunk|
    chunk.split('=', 2).all? { |piece| Rack::Utils.unescape(piece).valid_encoding? }
  end
rescue ArgumentError
  true
end

def answer(text, separator)
  text = text.b
  text.slice!(-1) if separator == '&' && text.end_with?("\0") # as Rack::Request#POST does
  return { skip: true } unless decodes?(text, separator)

  { result: PARSER.parse_nested_query(text, separator) }
rescue TypeError, ArgumentError, RangeError => e
  { error: e.class.name.split('::').last }
end

$stdin.set_encoding('UTF-8')
$stdout.set_encoding('UTF-8')
$stdout.sync = true
$stdin.each_line do |line|
  asked = JSON.parse(line)
  kind = asked.key?('body') ? 'body' : 'query'
  puts JSON.generate(asked.merge(answer(asked[kind], kind == 'body' ? '&' : '&;')), max_nesting: 200)
end
