-- What both the logins and the door ask of a proposal is asked as the door. A plan over tables with row-level security holds for the role it was made for: asked by the worker and
-- then by the door, in one session and for every execution, each of these was analysed and planned anew each time, which took longer than running it. They read, and nothing
-- that the logins may not read themselves: the same policy shows the door the tenant that is set, and no other.
GRANT CREATE ON SCHEMA exequatur TO {{door}};
SET LOCAL ROLE NONE;
ALTER FUNCTION exequatur.stands_behind(text, text) OWNER TO {{door}};
ALTER FUNCTION exequatur.counted_since(uuid) OWNER TO {{door}};
ALTER FUNCTION exequatur.approvals_since(uuid) OWNER TO {{door}};
ALTER FUNCTION exequatur.delegation_holds(text, text, text, text) OWNER TO {{door}};
ALTER FUNCTION exequatur.glass_in_force(exequatur.proposal) OWNER TO {{door}};
ALTER FUNCTION exequatur.held_by(exequatur.proposal) OWNER TO {{door}};
ALTER FUNCTION exequatur.in_force(text, int) OWNER TO {{door}};

SET LOCAL ROLE {{door}};
ALTER FUNCTION exequatur.stands_behind(text, text) SECURITY DEFINER;
ALTER FUNCTION exequatur.counted_since(uuid) SECURITY DEFINER;
ALTER FUNCTION exequatur.approvals_since(uuid) SECURITY DEFINER;
ALTER FUNCTION exequatur.delegation_holds(text, text, text, text) SECURITY DEFINER;
ALTER FUNCTION exequatur.glass_in_force(exequatur.proposal) SECURITY DEFINER;
ALTER FUNCTION exequatur.held_by(exequatur.proposal) SECURITY DEFINER;
ALTER FUNCTION exequatur.in_force(text, int) SECURITY DEFINER;

SET LOCAL ROLE {{owner}};
REVOKE CREATE ON SCHEMA exequatur FROM {{door}};
