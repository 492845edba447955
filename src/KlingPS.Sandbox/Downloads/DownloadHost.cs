using System.Globalization;
using KlingPS.Sandbox.Http;
using KlingPS.Sandbox.State;

namespace KlingPS.Sandbox.Downloads;

/// <summary>Serves finished videos and uploaded images, with ranges, to anyone with an ordinary User-Agent.</summary>
internal sealed class DownloadHost(ServiceState state, DownloadCatalog catalog)
{
    internal async Task ServeAsync(Exchange exchange, CancellationToken cancellationToken)
    {
        state.Meter.CountDownload(LeaksKey(exchange));
        if (exchange.Method is not ("GET" or "HEAD"))
        {
            exchange.Response.AddHeader("Allow", "GET, HEAD");
            await SendPageAsync(exchange, 405, "Method Not Allowed", cancellationToken).ConfigureAwait(false);
            return;
        }

        string? userAgent = exchange.Request.Headers["User-Agent"];
        if (string.IsNullOrWhiteSpace(userAgent) || userAgent.StartsWith("Python-urllib", StringComparison.OrdinalIgnoreCase))
        {
            await SendPageAsync(exchange, 403, "Forbidden", cancellationToken).ConfigureAwait(false);
            return;
        }

        bool? signature = state.Links.CheckSignature(exchange.Path, exchange.Request.Query["expires"], exchange.Request.Query["signature"]);
        DownloadContent? content = signature == false ? null : catalog.Find(exchange.Path, isSigned: signature == true);
        if (content is null)
        {
            await SendPageAsync(exchange, 404, "Not Found", cancellationToken).ConfigureAwait(false);
            return;
        }

        SandboxFault? fault = await state.Faults.TakeAsync(
            SandboxOperation.Download,
            exchange.Target,
            kind => kind != SandboxFaultKind.ExpireLink || signature is null,
            cancellationToken).ConfigureAwait(false);
        await SendAsync(exchange, content, fault, cancellationToken).ConfigureAwait(false);
    }

    private async Task SendAsync(Exchange exchange, DownloadContent content, SandboxFault? fault, CancellationToken cancellationToken)
    {
        if (fault?.RetryAfter is string pause && fault.FaultKind is SandboxFaultKind.HttpStatus or SandboxFaultKind.GatewayHtml)
        {
            exchange.Response.AddHeader("Retry-After", pause);
        }

        switch (fault?.FaultKind)
        {
            case SandboxFaultKind.LoseAnswerBefore:
            case SandboxFaultKind.LoseAnswerAfter:
                await exchange.DropAsync().ConfigureAwait(false);
                break;
            case SandboxFaultKind.HttpStatus:
                await exchange.SendTextAsync(fault.Status ?? 503, "text/plain", fault.Message ?? "", cancellationToken).ConfigureAwait(false);
                break;
            case SandboxFaultKind.GatewayHtml:
                await exchange.SendGatewayPageAsync(fault.Status ?? 502, cancellationToken).ConfigureAwait(false);
                break;
            case SandboxFaultKind.Garbage:
                await exchange.SendTextAsync(200, content.MediaType, "This is not the file.", cancellationToken).ConfigureAwait(false);
                break;
            case SandboxFaultKind.Empty:
                await exchange.SendEmptyAsync(200, cancellationToken).ConfigureAwait(false);
                break;
            case SandboxFaultKind.ExpireLink:
                catalog.ExpireLink(exchange.Path);
                await SendPageAsync(exchange, 404, "Not Found", cancellationToken).ConfigureAwait(false);
                break;
            case SandboxFaultKind.Redirect:
                await exchange.SendRedirectAsync(fault.Link!, cancellationToken).ConfigureAwait(false);
                break;
            default:
                exchange.BytesPerSecond = fault?.FaultKind == SandboxFaultKind.Trickle ? fault.BytesPerSecond : null;
                await SendContentAsync(exchange, content, fault?.FaultKind == SandboxFaultKind.CutDownload ? fault.AtFraction : null, cancellationToken).ConfigureAwait(false);
                break;
        }
    }

    private async Task SendContentAsync(Exchange exchange, DownloadContent content, double? cutAt, CancellationToken cancellationToken)
    {
        string lastModified = content.LastModified.ToString("R", CultureInfo.InvariantCulture);
        exchange.Response.AddHeader("Accept-Ranges", "bytes");
        exchange.Response.AddHeader("ETag", content.ETag);
        exchange.Response.AddHeader("Last-Modified", lastModified);

        string? condition = exchange.Request.Headers["If-Range"];
        bool isSame = condition is null || condition == content.ETag || condition == lastModified;
        ByteRange range = ByteRange.Parse(isSame ? exchange.Request.Headers["Range"] : null, content.Length);
        if (range.Status == 416)
        {
            exchange.Response.AddHeader("Content-Range", string.Create(CultureInfo.InvariantCulture, $"bytes */{content.Length}"));
            await SendPageAsync(exchange, 416, "Range Not Satisfiable", cancellationToken).ConfigureAwait(false);
            return;
        }

        if (range.Status == 206)
        {
            exchange.Response.AddHeader(
                "Content-Range",
                string.Create(CultureInfo.InvariantCulture, $"bytes {range.Offset}-{range.Offset + range.Count - 1}/{content.Length}"));
        }

        exchange.Response.AddHeader("Content-Type", content.MediaType);
        exchange.Begin(range.Status, range.Count);

        // The headers leave even if nothing else does.
        await exchange.WriteAsync(default, cancellationToken).ConfigureAwait(false);
        long count = cutAt is double fraction ? (long)(range.Count * fraction) : range.Count;
        if (exchange.Method == "GET")
        {
            await content.CopyAsync(range.Offset, count, WriteAsync, cancellationToken).ConfigureAwait(false);
        }

        if (cutAt is not null)
        {
            exchange.Response.Break();
        }

        async Task WriteAsync(ReadOnlyMemory<byte> bytes)
        {
            // Counted first, so that the bill is never behind what a client has received.
            state.Meter.CountDownloadedBytes(bytes.Length);
            await exchange.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
        }
    }

    private bool LeaksKey(Exchange exchange)
    {
        if (exchange.Request.Headers["Authorization"] is not null || HasKey(exchange.Target))
        {
            return true;
        }

        return exchange.Request.Headers.AllKeys.Any(name => exchange.Request.Headers[name] is string value && HasKey(value));

        bool HasKey(string text) => state.Keys.Any(key => text.Contains(key, StringComparison.Ordinal));
    }

    private static Task SendPageAsync(Exchange exchange, int status, string reason, CancellationToken cancellationToken) =>
        exchange.SendTextAsync(
            status,
            "text/html",
            string.Create(CultureInfo.InvariantCulture, $"<html>\n<head><title>{status} {reason}</title></head>\n<body><h1>{status} {reason}</h1></body>\n</html>\n"),
            cancellationToken);
}
