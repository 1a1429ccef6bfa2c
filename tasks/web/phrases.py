"""What soft errors say in titles and headings, in many languages. Pure."""

from __future__ import annotations

# Phrases as they are written in titles and headings, one a line; each list stands for
# its kind.
NOT_FOUND = """
not found
not found 1
410 gone
page not found
file not found
article not found
story not found
content not found
post not found
url not found
page cannot be found
page can't be found
page could not be found
page was not found
that page can't be found
that page can not be found
page you requested was not found
page you requested could not be found
page you are looking for was not found
page you are looking for could not be found
page you're looking for can't be found
page you're looking for doesn't exist
page you are looking for does not exist
page you are looking for doesn't exist
page you were looking for doesn't exist
page you were looking for could not be found
requested url was not found on this server
page does not exist
page doesn't exist
that page does not exist
that page doesn't exist
page no longer exists
page not available
page is not available
page isn't available
page no longer available
page is no longer available
article no longer available
article is no longer available
article could not be found
article you are looking for could not be found
article you requested could not be found
story is no longer available
story could not be found
content is no longer available
content you are looking for is no longer available
this content isn't available right now
page you are looking for is no longer available
page you requested is no longer available
page you requested does not exist
page you requested cannot be found
page you are looking for cannot be found
page you're looking for could not be found
page you're looking for was not found
page you tried to reach does not exist
we can't find that page
we can't find this page
we could not find the page you requested
we could not find the page you were looking for
we can't find the page you are looking for
we were unable to find the page you were looking for
we can't find the page you're looking for
we couldn't find that page
we couldn't find the page you were looking for
nothing found
missing page
page missing
nicht gefunden
seite nicht gefunden
seite wurde nicht gefunden
seite konnte nicht gefunden werden
seite konnte leider nicht gefunden werden
angeforderte seite wurde nicht gefunden
angeforderte seite konnte nicht gefunden werden
seite existiert nicht
seite existiert nicht mehr
seite nicht verfügbar
seite nicht mehr verfügbar
seite ist nicht mehr verfügbar
artikel nicht gefunden
beitrag nicht gefunden
page introuvable
page non trouvée
page inexistante
page demandée introuvable
article introuvable
cette page n'existe pas
cette page n'existe plus
cette page est introuvable
página no encontrada
página no existe
página no disponible
no se ha encontrado la página
no se encontró la página
artículo no encontrado
página não encontrada
página não existe
pàgina no trobada
pagina non trovata
pagina inesistente
la pagina non esiste
la pagina richiesta non esiste
la pagina richiesta non è stata trovata
articolo non trovato
pagina niet gevonden
deze pagina bestaat niet
deze pagina bestaat niet meer
artikel niet gevonden
nie znaleziono strony
strona nie istnieje
strona nie została znaleziona
stránka nenalezena
stránka nebyla nalezena
stránka neexistuje
az oldal nem található
oldal nem található
pagina nu a fost găsită
pagina nu există
sidan hittades inte
sidan kunde inte hittas
sidan finns inte
siden blev ikke fundet
siden findes ikke
siden finnes ikke
fant ikke siden
sivua ei löytynyt
sivua ei löydy
sayfa bulunamadı
aradığınız sayfa bulunamadı
halaman tidak ditemukan
không tìm thấy trang
страница не найдена
страница не существует
такой страницы нет
сторінку не знайдено
страницата не е намерена
η σελίδα δεν βρέθηκε
הדף לא נמצא
העמוד לא נמצא
الصفحة غير موجودة
صفحه مورد نظر یافت نشد
ページが見つかりません
ページが見つかりませんでした
お探しのページは見つかりません
お探しのページは見つかりませんでした
お探しのページが見つかりません
指定されたページは存在しません
页面不存在
页面未找到
页面没有找到
找不到页面
找不到网页
頁面不存在
找不到頁面
找不到網頁
페이지를 찾을 수 없습니다
요청하신 페이지를 찾을 수 없습니다
"""
CONSENT = """
before you continue
before you continue to google
before you continue to youtube
bevor sie fortfahren
avant de continuer
privacy gate
dpg media privacy gate
cookie consent
cookie wall
cookiewall
we value your privacy
we respect your privacy
we care about your privacy
your privacy is important to us
your privacy matters
your privacy choices
your privacy settings
privacy settings
privacy preferences
privacy preference center
cookie settings
cookie preferences
manage cookie preferences
manage your privacy settings
datenschutzeinstellungen
privatsphäre einstellungen
wir schätzen ihre privatsphäre
ihre privatsphäre ist uns wichtig
cookie einstellungen
nous respectons votre vie privée
votre vie privée est importante
paramètres de confidentialité
tu privacidad es importante para nosotros
valoramos tu privacidad
valoramos su privacidad
valorizamos a sua privacidade
il rispetto della tua privacy è la nostra priorità
wij waarderen uw privacy
we hechten waarde aan je privacy
cenimy twoją prywatność
"""
BARRED = """
subscribe to read
subscribe to continue
subscribe to continue reading
content not available
content is not available
content is not available in your region
content is not available in your country
content is not available in your country or region
content is not available in your location
page is not available in your region
not available in your region
not available in your country
website is not available in your region
site is not available in your region
article is not available in your region
unavailable in your region
unavailable due to legal reasons
unavailable for legal reasons
451 unavailable due to legal reasons
451 unavailable for legal reasons
european visitors are important to us
"""
FAILING = """
error establishing a database connection
database connection error
internal server error
500 internal server error
bad gateway
502 bad gateway
gateway timeout
gateway time out
504 gateway timeout
504 gateway time out
service unavailable
503 service unavailable
service temporarily unavailable
503 service temporarily unavailable
temporarily unavailable
site is temporarily unavailable
website is temporarily unavailable
site is under maintenance
website is under maintenance
under maintenance
down for maintenance
site maintenance
"""
LOGIN = """
log in
login
log in to continue
log in to facebook
log into facebook
log in or sign up
sign in
sign in to continue
sign up
anmelden
anmeldung
einloggen
connexion
se connecter
identifiez vous
iniciar sesión
inicia sesión
acceder
entrar
accedi
inloggen
logga in
zaloguj się
вход
войти
ログイン
登录
登入
로그인
"""
CHALLENGE = """
just a moment
attention required
one more step
checking your browser
checking your browser before accessing
checking if the site connection is secure
please wait
are you a robot
are you human
robot check
human verification
bot verification
security check
security verification
captcha
verify you are human
please verify you are a human
verifying you are human
pardon our interruption
access denied
access to this page has been denied
ddos guard
sorry you have been blocked
you have been blocked
"""
PARKED = """
domain for sale
domain name for sale
buy this domain
this domain is for sale
this domain may be for sale
this domain name is for sale
diese domain steht zum verkauf
ce nom de domaine est à vendre
este dominio está en venta
domain parked
parked domain
domain expired
this domain has expired
website expired
account suspended
this account has been suspended
site not found
website is no longer available
future home of something quite cool
welcome to nginx
apache2 ubuntu default page it works
apache2 debian default page it works
iis windows server
default web site page
web hosting default page
"""
# Words around a phrase that change nothing, in any order and number.
NOISE = frozenset(
    """
    404 error errors code status http oops ooops uh oh whoops sorry hmm ups hoppla
    the this your our fehler erreur errore erro fout błąd chyba hiba virhe fel feil fejl
    hata ошибка помилка エラー 错误 leider diese die désolé lo sentimos scusa server at
    """.split()
)
