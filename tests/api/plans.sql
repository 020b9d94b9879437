-- The tasks of plans.rs.

SELECT setseed(0.5);

INSERT INTO users (name, email)
SELECT first || ' ' || last, lower(first || '.' || last) || '@example.com'
FROM unnest(ARRAY[
         'Ada', 'Grace', 'Edsger', 'Barbara', 'Donald', 'Margaret', 'Alan', 'Radia', 'Ken',
         'Frances', 'Dennis', 'Hedy', 'Niklaus', 'Katherine', 'Tony', 'Adele', 'Leslie', 'Jean',
         'Bjarne', 'Shafi'
     ]) first,
     unnest(ARRAY[
         'Lovelace', 'Hopper', 'Dijkstra', 'Liskov', 'Knuth', 'Hamilton', 'Turing', 'Perlman',
         'Thompson', 'Allen', 'Ritchie', 'Lamarr', 'Wirth', 'Johnson', 'Hoare', 'Goldberg',
         'Lamport', 'Bartik', 'Stroustrup', 'Goldwasser', 'Backus', 'Kay', 'Milner', 'Naur',
         'Iverson'
     ]) last
ORDER BY random();

INSERT INTO categories (name)
SELECT area || ' ' || kind
FROM unnest(ARRAY[
         'Build', 'Docs', 'Tests', 'Network', 'Storage', 'Security', 'Release', 'Interface',
         'Billing', 'Search'
     ]) area,
     unnest(ARRAY['team', 'backlog', 'incidents', 'research', 'chores']) kind;

-- 1,000 phrases of three words each, the first words of the list more frequent than the last.
CREATE TEMP TABLE phrases AS
SELECT number, string_agg(words[1 + floor(power(random(), 2) * array_length(words, 1))::int], ' ') AS phrase
FROM (
    SELECT string_to_array(
        'fix add remove update test for with server client cache error message user page list '
        'index query table row lock timeout retry connection pool thread memory leak crash panic '
        'log level format parser token string number date zone offset limit order filter search '
        'rank score weight graph node edge tree branch commit merge rebase review deploy rollback '
        'restart health check metric alert dashboard chart label color font layout button dialog '
        'menu keyboard mouse screen reader contrast translation locale currency invoice payment '
        'refund tax discount coupon customer account session cookie header body status code path '
        'route handler middleware proxy gateway certificate key rotation backup restore snapshot '
        'replica primary failover quorum leader election consensus partition shard bucket queue '
        'worker job schedule cron batch stream window buffer flush sync async future promise '
        'callback event loop signal interrupt kernel driver firmware sensor battery charger '
        'adapter cable socket plug switch router modem antenna satellite orbit telescope mirror '
        'lens prism laser crystal', ' ') AS words
) vocabulary, generate_series(1, 1000) number, generate_series(1, 3)
GROUP BY number;
CREATE UNIQUE INDEX ON phrases (number);

INSERT INTO tasks (title, description, status, user_id, category_id, created_at)
SELECT a.phrase || ' ' || b.phrase || CASE WHEN n % 9973 = 0 THEN ' zyzzyva' ELSE '' END,
       CASE WHEN n % 3 > 0 THEN
           b.phrase || ', ' || c.phrase || ', ' || d.phrase || '. ' || a.phrase
           || CASE WHEN n % 5003 = 0 THEN ' quokka' ELSE '' END
       END,
       (ARRAY['completed', 'pending', 'in-progress'])[1 + floor(power(random(), 1.7) * 3)::int],
       1 + floor(power(random(), 2) * 500)::int,
       CASE WHEN random() < 0.9 THEN 1 + floor(random() * 50)::int END,
       now() - random() * interval '700 days'
FROM (
    SELECT n, 1 + floor(random() * 1000)::int AS i, 1 + floor(random() * 1000)::int AS j,
           1 + floor(random() * 1000)::int AS k, 1 + floor(random() * 1000)::int AS l
    FROM generate_series(1, 100000) n
) picks
JOIN phrases a ON a.number = i
JOIN phrases b ON b.number = j
JOIN phrases c ON c.number = k
JOIN phrases d ON d.number = l;
