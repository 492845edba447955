using System.Globalization;
using System.Net;
using KlingPS.Sandbox.Faults;
using KlingPS.Sandbox.Jobs;

namespace KlingPS.Sandbox.Http;

/// <summary>Serves the API and upload hosts: route, key, faults, effect, answer.</summary>
internal sealed class ApiRouter(
    IReadOnlyList<ApiRoute> routes,
    string apiKey,
    bool realHttpStatus,
    FaultBook faults,
    Meter meter,
    TimeProvider timeProvider)
{
    internal async Task ServeAsync(Exchange exchange, CancellationToken cancellationToken)
    {
        ApiRoute[] atPath = [.. routes.Where(route => route.Host == exchange.Host && route.Path == exchange.Path)];
        ApiRoute? route = Array.Find(atPath, route => route.Method == exchange.Method);
        if (route is null)
        {
            await SendNoRouteAsync(exchange, atPath, cancellationToken).ConfigureAwait(false);
            return;
        }

        meter.Received(route.Operation);
        if (exchange.Request.Headers["Authorization"] != $"Bearer {apiKey}")
        {
            await SendAsync(exchange, route, ApiAnswer.Refusal(route.Host, 401, ServiceTexts.Unauthorized), cancellationToken).ConfigureAwait(false);
            return;
        }

        using PreparedCall call = await route.PrepareAsync(exchange, cancellationToken).ConfigureAwait(false);
        SandboxFault? fault = await TakeFaultAsync(route, call, cancellationToken).ConfigureAwait(false);
        if (fault?.RetryAfter is int seconds && fault.Kind is SandboxFaultKind.Code or SandboxFaultKind.HttpStatus or SandboxFaultKind.GatewayHtml)
        {
            exchange.Response.Headers["Retry-After"] = seconds.ToString(CultureInfo.InvariantCulture);
        }

        switch (fault?.Kind)
        {
            case SandboxFaultKind.LoseAnswerBefore:
                exchange.Drop();
                break;
            case SandboxFaultKind.Code:
                int code = fault.Code ?? 500;
                await SendAsync(exchange, route, ApiAnswer.Refusal(route.Host, code, fault.Message ?? ServiceTexts.OfCode(code)), cancellationToken).ConfigureAwait(false);
                break;
            case SandboxFaultKind.HttpStatus:
                await SendStatusAsync(exchange, fault, cancellationToken).ConfigureAwait(false);
                break;
            case SandboxFaultKind.GatewayHtml:
                await exchange.SendGatewayPageAsync(fault.Status ?? 502, cancellationToken).ConfigureAwait(false);
                break;
            default:
                ApiAnswer answer = call.Answer(fault?.Kind);
                await SendAfterEffectAsync(exchange, route, answer, fault?.Kind, cancellationToken).ConfigureAwait(false);
                break;
        }
    }

    /// <summary>Waits out the delays that fit and returns the fault proper, if one fits.</summary>
    private async ValueTask<SandboxFault?> TakeFaultAsync(ApiRoute route, PreparedCall call, CancellationToken cancellationToken)
    {
        if (route.Operation is not SandboxOperation operation)
        {
            return null;
        }

        return await faults.MeetAsync(operation, call.MatchText, call.Admits, timeProvider, cancellationToken).ConfigureAwait(false);
    }

    private async Task SendAfterEffectAsync(Exchange exchange, ApiRoute route, ApiAnswer answer, SandboxFaultKind? fault, CancellationToken cancellationToken)
    {
        switch (fault)
        {
            case SandboxFaultKind.LoseAnswerAfter:
                exchange.Drop();
                break;
            case SandboxFaultKind.Garbage:
                await exchange.SendJsonAsync(200, answer.Body[..(answer.Body.Length / 2)], null, cancellationToken).ConfigureAwait(false);
                break;
            case SandboxFaultKind.Empty:
                await exchange.SendEmptyAsync(200, cancellationToken).ConfigureAwait(false);
                break;
            default:
                await SendAsync(exchange, route, answer, cancellationToken).ConfigureAwait(false);
                break;
        }
    }

    private async Task SendAsync(Exchange exchange, ApiRoute route, ApiAnswer answer, CancellationToken cancellationToken)
    {
        meter.Answered(route.Operation, answer.Code);
        if (answer.Cookie is string cookie)
        {
            exchange.Response.AppendHeader("Set-Cookie", cookie);
        }

        await exchange.SendJsonAsync(realHttpStatus ? answer.Code : 200, answer.Body, answer.Code, cancellationToken).ConfigureAwait(false);
    }

    private static Task SendStatusAsync(Exchange exchange, SandboxFault fault, CancellationToken cancellationToken)
    {
        int status = fault.Status ?? 503;
        if (fault.Code is null && fault.Message is null)
        {
            return exchange.SendEmptyAsync(status, cancellationToken);
        }

        int code = fault.Code ?? status;
        ApiAnswer answer = ApiAnswer.Refusal(exchange.Host, code, fault.Message ?? ServiceTexts.OfCode(code));
        return exchange.SendJsonAsync(status, answer.Body, code, cancellationToken);
    }

    /// <summary>404, or 405 for a known path, in the form of the framework behind the service: no envelope.</summary>
    private async Task SendNoRouteAsync(Exchange exchange, ApiRoute[] atPath, CancellationToken cancellationToken)
    {
        HttpStatusCode status = HttpStatusCode.NotFound;
        string message = "No message available";
        if (atPath.Length > 0)
        {
            status = HttpStatusCode.MethodNotAllowed;
            message = $"Request method '{exchange.Method}' is not supported";
            exchange.Response.Headers["Allow"] = string.Join(", ", atPath.Select(route => route.Method));
        }

        ReadOnlyMemory<byte> body = ServiceJson.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("timestamp", timeProvider.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'+00:00'", CultureInfo.InvariantCulture));
            writer.WriteNumber("status", (int)status);
            writer.WriteString("error", status == HttpStatusCode.NotFound ? "Not Found" : "Method Not Allowed");
            writer.WriteString("message", message);
            writer.WriteString("path", "/" + exchange.Path);
            writer.WriteEndObject();
        });
        await exchange.SendJsonAsync((int)status, body, null, cancellationToken).ConfigureAwait(false);
    }
}
