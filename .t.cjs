const pg=require('pg');(async()=>{const c=new pg.Client('postgres://postgres@127.0.0.1:'+process.argv[2]+'/'+process.argv[3]);await c.connect();
const {rows}=await c.query(`select c.relname, string_agg(a.attname||' '||format_type(a.atttypid,a.atttypmod)||case when a.attnotnull then ' NN' else '' end||case when d.adbin is not null then ' D='||pg_get_expr(d.adbin,d.adrelid) else '' end, ', ' order by a.attnum) cols,
 (select string_agg(conname||': '||pg_get_constraintdef(k.oid), E'\n    ' order by conname) from pg_constraint k where k.conrelid=c.oid and contype in ('c','p','u')) cons,
 (select string_agg(pg_get_triggerdef(t.oid), E'\n    ') from pg_trigger t where t.tgrelid=c.oid and not tgisinternal) trg
 from pg_class c join pg_attribute a on a.attrelid=c.oid and a.attnum>0 and not a.attisdropped left join pg_attrdef d on d.adrelid=c.oid and d.adnum=a.attnum where c.relnamespace='exequatur'::regnamespace and c.relkind in ('r','c','p') group by c.oid, c.relname order by 1`);
for(const r of rows) console.log('## '+r.relname+'\n  '+r.cols+'\n    '+(r.cons||'')+'\n  TRG '+(r.trg||''));
await c.end()})().catch(e=>console.log(e.message))
