"""Usual names of a table's columns in many languages, and how names are compared."""

from __future__ import annotations

import unicodedata

from picturedesk.own_columns import normalised

_PLAIN = str.maketrans("łıđøæœþ", "lidoaot")


def folded(name: str) -> str:
    """A name for comparison: without case, accents and marks between its words."""
    parts = unicodedata.normalize("NFKD", name.casefold())
    bare = "".join(sign for sign in parts if not unicodedata.combining(sign))
    return normalised(bare.translate(_PLAIN))


def _names(*lines: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(folded(name) for line in lines for name in line.split()))


USUAL = {  # role → names, the likeliest first; "_" between words
    "text": _names(
        "text body article content story description sentence",
        "artikel artikeltext fließtext inhalt texte contenu",
        "texto articulo contenido testo articolo contenuto",
        "artigo conteudo tekst inhoud brödtext innehåll treść",
        "artykuł obsah článek metin makale içerik текст статья",
        "содержание 正文 文章 内容 文本 本文 記事 본문 기사 내용 văn_bản bài_viết",
        "nội_dung نص النص المقال caption beschreibung",
    ),
    "picture": _names(
        "picture pictures image images photo photos path paths",
        "file files filename file_name file_names filepath",
        "file_path picture_path image_path photo_path image_file",
        "img bild bilder foto fotos bilddatei dateiname datei",
        "pfad bildpfad fichier chemin imagen imagenes fotografia",
        "archivo ruta immagine immagini file_immagine percorso",
        "imagem imagens arquivo caminho ficheiro afbeelding",
        "afbeeldingen bestand bestandsnaam bildfil filnamn obraz",
        "zdjęcie plik ścieżka obrázek fotografie soubor cesta",
        "resim görsel fotoğraf dosya yol изображение картинка",
        "фото файл путь 图片 图像 照片 文件 文件名 路径 圖片 画像 写真 ファイル ファイル名",
        "이미지 사진 파일 hình_ảnh ảnh tệp صورة الصورة ملف",
    ),
    "title": _names(
        "title headline titel überschrift schlagzeile titre",
        "titulo titular titolo kop rubrik tytuł nagłówek titulek",
        "nadpis başlık заголовок название 标题 標題 題名 タイトル 見出し 제목",
        "tiêu_đề عنوان العنوان",
    ),
    "id": _names(
        "id text_id article_id story_id artikel_id artikelnummer",
        "text_nr identifiant identificador identificatore",
        "articulo_id identyfikator 编号 기사_id",
    ),
    "caption": _names(
        "caption alt bildunterschrift bildtext bildbeschreibung",
        "bildlegende legende légende pie_de_foto leyenda",
        "didascalia legenda bijschrift onderschrift podpis",
        "popisek popis altyazı подпись описание 图片说明 说明 圖說",
        "キャプション 説明 캡션 설명 chú_thích mô_tả تعليق وصف description",
        "beschreibung descripcion descrizione descrição opis",
        "beskrivning",
    ),
    "credit": _names(
        "credit byline photographer creator fotograf fotografin",
        "bildnachweis urheber bildquelle quelle crédit",
        "photographe auteur crédito fotógrafo autor fotografo",
        "autore fuente fonte fotograaf bron fotokredit źródło",
        "zdroj fotoğrafçı kaynak фотограф автор источник 摄影 摄影师",
        "作者 来源 攝影 撮影者 クレジット 출처 사진기자 nguồn tác_giả المصور المصدر",
    ),
    "licence": _names(
        "licence license rights lizenz rechte nutzungsrechte",
        "licencia derechos licenza diritti licença direitos",
        "licentie rechten licens rättigheter licencja prawa",
        "práva lisans haklar лицензия права 许可 授权 版权 授權 ライセンス 権利",
        "라이선스 저작권 giấy_phép bản_quyền ترخيص الحقوق",
    ),
    "date": _names(
        "date published created datum aufnahmedatum bilddatum",
        "fecha data tarih дата 日期 日付 撮影日 날짜 ngày تاريخ التاريخ",
    ),
    "tags": _names(
        "tags keywords subjects schlagwörter schlagworte",
        "stichwörter stichworte mots_clés mots_cles",
        "palabras_clave etiquetas parole_chiave palavras_chave",
        "trefwoorden nyckelord słowa_kluczowe klíčová_slova",
        "anahtar_kelimeler etiketler ключевые_слова теги 关键词 标签",
        "關鍵詞 キーワード タグ 키워드 태그 từ_khóa الكلمات_المفتاحية وسوم",
    ),
    "part": _names(
        "part split subset",
    ),
    "expiry": _names(
        "expiry expires expiration expiry_date expiration_date",
        "valid_until ablauf ablaufdatum gültig_bis lizenz_bis",
        "rechte_bis läuft_ab date_expiration expire_le",
        "valable_jusqu_au caducidad fecha_de_caducidad",
        "válido_hasta scadenza data_di_scadenza valido_fino_al",
        "validade válido_até vervaldatum geldig_tot utgångsdatum",
        "giltig_till data_wygaśnięcia ważne_do platnost_do",
        "son_kullanma geçerlilik срок_действия действует_до 到期",
        "到期日 有效期 有効期限 期限 만료일 ngày_hết_hạn hết_hạn انتهاء",
        "تاريخ_الانتهاء",
    ),
    "embargo": _names(
        "embargo embargo_until release_date sperrfrist",
        "gesperrt_bis frei_ab embargo_jusqu_au embargo_hasta",
        "embargo_fino_al embargo_até spärrtid ambargo эмбарго",
        "解禁日 解禁 禁运 엠바고 cấm_đến حظر",
    ),
    "territory": _names(
        "territory territories territorium gebiet nutzungsgebiet",
        "territoire territorio território gebied område",
        "terytorium území bölge территория 地区 地域 지역 lãnh_thổ",
        "إقليم",
    ),
    "uses": _names(
        "uses used use_count times_used verwendungen nutzungen",
        "anzahl_nutzungen utilisations usos utilizzi utilizações",
        "gebruikt användningar użycia použití kullanım",
        "использований 使用次数 使用回数 사용_횟수 số_lần_dùng",
    ),
    "max_uses": _names(
        "max_uses use_limit maximum_uses max_verwendungen",
        "max_nutzungen maximale_nutzungen utilisations_max",
        "usos_max max_usos utilizzi_max max_gebruik",
        "max_användningar max_użyć max_použití en_fazla_kullanım",
        "максимум_использований 最大使用次数 最大使用回数 최대_사용",
    ),
    "last_used": _names(
        "last_used last_use zuletzt_verwendet zuletzt_genutzt",
        "letzte_verwendung dernière_utilisation último_uso",
        "ultimo_utilizzo última_utilização laatst_gebruikt",
        "senast_använd ostatnie_użycie naposledy_použito",
        "son_kullanım последнее_использование 上次使用 最終使用日 최근_사용",
    ),
    "text_date": _names(
        "text_date article_date publication_date artikeldatum",
        "textdatum erscheinungsdatum veröffentlicht",
        "date_de_publication fecha_de_publicación",
        "data_di_pubblicazione data_de_publicação",
        "publicatiedatum publiceringsdatum data_publikacji",
        "datum_vydání yayın_tarihi дата_публикации 发布日期 发表日期 掲載日",
        "게재일 ngày_đăng تاريخ_النشر",
    ),
    "link": _names(
        "link url article_url permalink adresse webadresse lien",
        "enlace collegamento ligação länk odkaz bağlantı ссылка",
        "链接 鏈接 リンク 링크 liên_kết رابط",
    ),
}
