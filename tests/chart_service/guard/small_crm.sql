-- Views as the guard's examples expect them, over a few hundred rows that are the same in every run.
CREATE VIEW crm.pipelines AS SELECT * FROM (VALUES (0::bigint, 'Общая', 10::bigint), (1, 'Опт', 20), (2, 'Сервис', 30)) v(id, name, sort);
CREATE VIEW crm.currencies AS SELECT * FROM (VALUES ('RUB', 1::numeric, 1::bigint, 'Рубль'), ('USD', 90.5, 1, 'Доллар')) v(currency, amount, amount_cnt, full_name);
CREATE VIEW crm.statuses AS SELECT * FROM (VALUES (1::bigint, 'SOURCE', 'CALL', 'Звонок'), (2, 'SOURCE', 'WEB', 'Сайт'), (3, 'DEAL_STAGE', 'NEW', 'Новая')) v(id, entity_id, status_id, name);
CREATE VIEW crm.departments AS SELECT * FROM (VALUES (1::bigint, 'Компания', NULL::bigint, 1::bigint), (2, 'Продажи', 1, 2), (3, 'Сервис', 1, 3), (4, 'Опт', 2, 4)) v(id, name, parent, sort);
CREATE VIEW crm.field_options AS SELECT * FROM (VALUES (1::bigint, 'deal', 'UF', 'Первый'), (2, 'deal', 'UF', 'Второй')) v(id, entity, field, value);
CREATE VIEW crm.users AS SELECT i::bigint AS id, 'Имя' || i AS name, 'Фамилия' || i AS last_name, 'Имя' || i || ' Фамилия' || i AS full_name, true AS active,
    ARRAY[2 + i % 3]::bigint[] AS uf_department, ARRAY['Продажи', 'Опт'] AS department_names FROM generate_series(1, 6) i;

CREATE TABLE bitrix.companies AS SELECT i::bigint AS id, 'ООО "Клиент ' || i || '"' AS title, (ARRAY['IT', 'TRADE', NULL])[1 + i % 3] AS industry,
    (ARRAY['Москва', 'Казань', NULL])[1 + i % 3] AS address_city, (1 + i % 6)::bigint AS assigned_by_id, (i * 1000)::numeric AS revenue,
    timestamptz '2024-06-01 10:00+00' + i * interval '9 days 5 hours' AS date_create FROM generate_series(1, 20) i;
CREATE VIEW crm.companies AS SELECT * FROM bitrix.companies;

CREATE TABLE bitrix.contacts AS SELECT i::bigint AS id, 'Имя' || i AS name, 'Фамилия' || i % 9 AS last_name, 'Имя' || i || ' Фамилия' || i % 9 AS full_name,
    date '1975-01-10' + i * 211 AS birthdate, (1 + i % 20)::bigint AS company_id, (1 + i % 6)::bigint AS assigned_by_id, NULL::bigint AS lead_id,
    'Город ' || i % 3 AS address_city, 'ул. ' || i AS address, (ARRAY['CALL', 'WEB', NULL])[1 + i % 3] AS source_id,
    jsonb_build_array(jsonb_build_object('VALUE', '+7900' || i, 'VALUE_TYPE', 'WORK')) AS phone,
    jsonb_build_array(jsonb_build_object('VALUE', 'c' || i || '@mail' || i % 2 || '.example', 'VALUE_TYPE', 'WORK')) AS email,
    timestamptz '2024-09-01 20:30+00' + i * interval '5 days 7 hours' AS date_create FROM generate_series(1, 40) i;
CREATE VIEW crm.contacts AS SELECT * FROM bitrix.contacts;

CREATE TABLE bitrix.leads AS SELECT i::bigint AS id, 'Лид № ' || i AS title, (ARRAY['CALL', 'WEB', NULL])[1 + i % 3] AS source_id, (ARRAY['Звонок', 'Сайт', NULL])[1 + i % 3] AS source_name,
    (ARRAY['NEW', 'IN_PROCESS', 'CONVERTED', 'JUNK'])[1 + i % 4] AS status_id, (ARRAY['P', 'P', 'S', 'F'])[1 + i % 4] AS status_semantic_id,
    CASE WHEN i % 5 > 0 THEN (i * 777)::numeric END AS opportunity, (1 + i % 6)::bigint AS assigned_by_id, 'Город ' || i % 4 AS address_city,
    timestamptz '2024-12-20 22:15+00' + i * interval '4 days 3 hours' AS date_create FROM generate_series(1, 60) i;
CREATE VIEW crm.leads AS SELECT *, status_semantic_id = 'S' AS is_won FROM bitrix.leads;

CREATE TABLE bitrix.deals AS SELECT i::bigint AS id,
    CASE i % 6 WHEN 0 THEN 'Поставка № ' || i WHEN 1 THEN 'Ремонт  "под ключ" ' || i WHEN 2 THEN '50% скидка a_b' WHEN 3 THEN 'Договор; -- ' || i ELSE 'Сделка #' || i END AS title,
    (i % 3)::bigint AS category_id, (ARRAY['Общая', 'Опт', 'Сервис'])[1 + i % 3] AS pipeline_name,
    (ARRAY['NEW', 'PREPARATION', 'WON', 'LOSE'])[1 + i % 4] AS stage_id, (ARRAY['Новая', 'Подготовка', 'Успех', 'Провал'])[1 + i % 4] AS stage_name,
    (ARRAY[10, 20, 30, 40])[1 + i % 4]::bigint AS stage_sort, (ARRAY['P', 'P', 'S', 'F'])[1 + i % 4] AS stage_semantic_id,
    (i * 7 % 100)::bigint AS probability, (ARRAY['RUB', 'RUB', 'USD'])[1 + i % 3] AS currency_id, CASE WHEN i % 7 > 0 THEN (i * 1234.5)::numeric END AS opportunity,
    (i * 10)::numeric AS tax_value, CASE WHEN i % 5 > 0 THEN (1 + i % 20)::bigint END AS company_id, CASE WHEN i % 5 > 0 THEN 'Клиент ' || (1 + i % 20) END AS company_title,
    CASE WHEN i % 4 > 0 THEN (1 + i % 40)::bigint END AS contact_id, CASE WHEN i % 3 = 0 THEN (i % 60)::bigint END AS lead_id,
    date '2025-01-05' + i * 2 AS begindate, CASE WHEN i % 9 > 0 THEN date '2025-01-20' + i * 3 END AS closedate, i % 2 = 0 AS opened, i % 4 > 1 AS closed,
    (1 + i % 6)::bigint AS assigned_by_id, 'Имя' || (1 + i % 6) AS assigned_by_name, (ARRAY['CALL', 'WEB', NULL])[1 + i % 3] AS source_id, (ARRAY['Звонок', 'Сайт', NULL])[1 + i % 3] AS source_name,
    timestamptz '2025-01-01 21:40+00' + i * interval '3 days 5 hours' AS date_create, timestamptz '2025-01-02 21:40+00' + i * interval '4 days 1 hour' AS date_modify,
    CASE i % 4 WHEN 0 THEN ARRAY['vip', 'new'] WHEN 1 THEN ARRAY['old'] WHEN 2 THEN ARRAY[]::text[] END AS uf_crm_tags,
    CASE WHEN i % 4 > 0 THEN jsonb_build_object('channel', (ARRAY['ads', 'seo', 'ref'])[1 + i % 3], 'score', i % 10, 'geo', jsonb_build_object('city', 'Город ' || i % 3)) END AS uf_crm_meta,
    (i - 50)::numeric AS uf_crm_margin, (1 + i % 2)::bigint AS type_option FROM generate_series(1, 120) i;
CREATE VIEW crm.deals AS SELECT *, stage_semantic_id = 'P' AS is_open, stage_semantic_id = 'S' AS is_won, stage_semantic_id = 'F' AS is_lost FROM bitrix.deals;

CREATE TABLE bitrix.deal_stage_history AS SELECT row_number() OVER () AS id, d.id AS owner_id, s.stage_id, s.stage_name, s.sort AS stage_sort, d.category_id,
    d.date_create + s.sort * interval '17 hours' AS created_time FROM bitrix.deals d
    JOIN (VALUES ('NEW', 'Новая', 10::bigint), ('PREPARATION', 'Подготовка', 20), ('WON', 'Успех', 30)) s(stage_id, stage_name, sort) ON s.sort <= d.stage_sort;
CREATE VIEW crm.deal_stage_history AS SELECT * FROM bitrix.deal_stage_history;
CREATE TABLE bitrix.lead_stage_history AS SELECT id, id AS owner_id, status_id, date_create AS created_time FROM bitrix.leads;
CREATE VIEW crm.lead_stage_history AS SELECT * FROM bitrix.lead_stage_history;

-- What nobody but the owner may read.
CREATE TABLE app.planted AS SELECT 'planted-secret-7d1f'::text AS value;
CREATE TABLE bitrix.planted AS SELECT 'planted-secret-7d1f'::text AS value;
