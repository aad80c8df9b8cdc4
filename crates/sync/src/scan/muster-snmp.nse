local nmap = require "nmap"
local snmp = require "snmp"
local stdnse = require "stdnse"
local string = require "string"
local table = require "table"

description = [[
Asks a machine by SNMP for its name, what it is and its interfaces' hardware addresses, with the communities that the
argument muster.communities names: in hexadecimal, with dots between them. Agents listen at muster.port, or at 161. It only
reads.
]]
author = "Muster"
license = "Same as Muster's"
categories = {"discovery", "safe"}

hostrule = function(host)
  return stdnse.get_script_args("muster.communities") ~= nil
end

local INTERFACES_MAX = 64

local function one(helper, oid)
  local status, answer = helper:get({reqId = 28428}, oid)
  local value = status and answer and answer[1] and answer[1][1]
  return type(value) == "string" and value or nil
end

action = function(host)
  local port = {number = tonumber(stdnse.get_script_args("muster.port")) or 161, protocol = "udp"}
  for hex in string.gmatch(stdnse.get_script_args("muster.communities"), "[^.]+") do
    local community = stdnse.fromhex(hex)
    for _, version in ipairs({"v2c", "v1"}) do
      local helper = snmp.Helper:new(host, port, community, {timeout = 2000, version = version})
      helper:connect()
      local descr = one(helper, "1.3.6.1.2.1.1.1.0")
      if descr then
        local out = stdnse.output_table()
        out.version = version
        out.descr = descr
        out.name = one(helper, "1.3.6.1.2.1.1.5.0")
        local macs, oid, base = {}, "1.3.6.1.2.1.2.2.1.6", "1.3.6.1.2.1.2.2.1.6."
        for _ = 1, INTERFACES_MAX do
          local status, answer = helper:getnext({reqId = 28429}, oid)
          local found = status and answer and answer[1]
          if not (found and found[2] and string.sub(found[2], 1, #base) == base) or found[2] == oid then break end
          oid = found[2]
          if type(found[1]) == "string" and #found[1] == 6 then
            macs[#macs + 1] = stdnse.format_mac(found[1])
          end
        end
        if #macs > 0 then out.macs = macs end
        return out
      end
    end
  end
end
