using System.Globalization;
using System.Net;
using KlingPS.Sandbox.Http;
using KlingPS.Sandbox.State;
using KlingPS.Sandbox.Wire;

namespace KlingPS.Sandbox.Routes;

/// <summary>Serves the API and upload hosts: route, key, faults, effect, response.</summary>
internal sealed class ApiRouter(IReadOnlyList<ApiRoute> routes, ServiceState state, bool realHttpStatus)
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

        state.Meter.CountRequest(route.Operation);
        if (state.FindAccount(exchange.Request.Headers["Authorization"]) is not Account account)
        {
            await SendAsync(exchange, route, ApiResponse.Error(route.Host, 401, ServiceMessages.Unauthorized), cancellationToken).ConfigureAwait(false);
            return;
        }

        using PreparedCall call = await route.PrepareAsync(exchange, account, cancellationToken).ConfigureAwait(false);
        SandboxFault? fault = await TakeFaultAsync(route, call, cancellationToken).ConfigureAwait(false);
        if (fault?.RetryAfter is string pause && fault.FaultKind is SandboxFaultKind.Code or SandboxFaultKind.HttpStatus or SandboxFaultKind.GatewayHtml)
        {
            exchange.Response.AddHeader("Retry-After", pause);
        }

        switch (fault?.FaultKind)
        {
            case SandboxFaultKind.LoseAnswerBefore:
                await exchange.DropAsync().ConfigureAwait(false);
                break;
            case SandboxFaultKind.Code:
                int code = fault.Code ?? 500;
                await SendAsync(exchange, route, ApiResponse.Error(route.Host, code, fault.Message ?? ServiceMessages.OfCode(code)), cancellationToken).ConfigureAwait(false);
                break;
            case SandboxFaultKind.HttpStatus:
                await SendStatusAsync(exchange, fault, cancellationToken).ConfigureAwait(false);
                break;
            case SandboxFaultKind.GatewayHtml:
                await exchange.SendGatewayPageAsync(fault.Status ?? 502, cancellationToken).ConfigureAwait(false);
                break;
            default:
                ApiResponse response = call.Execute(fault);
                await SendAfterEffectAsync(exchange, route, response, fault, cancellationToken).ConfigureAwait(false);
                break;
        }
    }

    /// <summary>Waits out the matching delays and returns the other matching fault, if there is one.</summary>
    private async ValueTask<SandboxFault?> TakeFaultAsync(ApiRoute route, PreparedCall call, CancellationToken cancellationToken)
    {
        if (route.Operation is not SandboxOperation operation)
        {
            return null;
        }

        return await state.Faults.TakeAsync(operation, call.MatchText, call.Admits, cancellationToken).ConfigureAwait(false);
    }

    private async Task SendAfterEffectAsync(Exchange exchange, ApiRoute route, ApiResponse response, SandboxFault? fault, CancellationToken cancellationToken)
    {
        switch (fault?.FaultKind)
        {
            case SandboxFaultKind.LoseAnswerAfter:
                await exchange.DropAsync().ConfigureAwait(false);
                break;
            case SandboxFaultKind.WrongField:
                await SendAsync(exchange, route, response.With(fault.Field!, fault.Value), cancellationToken).ConfigureAwait(false);
                break;
            case SandboxFaultKind.Garbage:
                await exchange.SendJsonAsync(200, response.Body[..(response.Body.Length / 2)], null, cancellationToken).ConfigureAwait(false);
                break;
            case SandboxFaultKind.Empty:
                await exchange.SendEmptyAsync(200, cancellationToken).ConfigureAwait(false);
                break;
            default:
                exchange.BytesPerSecond = fault?.FaultKind == SandboxFaultKind.Trickle ? fault.BytesPerSecond : null;
                exchange.DamagedEncoding = fault?.FaultKind == SandboxFaultKind.DamagedEncoding ? fault.Encoding : null;
                await SendAsync(exchange, route, response, cancellationToken).ConfigureAwait(false);
                break;
        }
    }

    private async Task SendAsync(Exchange exchange, ApiRoute route, ApiResponse response, CancellationToken cancellationToken)
    {
        state.Meter.CountResponse(route.Operation, response.Code);
        if (response.Cookie is string cookie)
        {
            exchange.Response.AddHeader("Set-Cookie", cookie);
        }

        await exchange.SendJsonAsync(realHttpStatus ? response.Code : 200, response.Body, response.Code, cancellationToken).ConfigureAwait(false);
    }

    private static Task SendStatusAsync(Exchange exchange, SandboxFault fault, CancellationToken cancellationToken)
    {
        int status = fault.Status ?? 503;
        if (fault.Code is null && fault.Message is null)
        {
            return exchange.SendEmptyAsync(status, cancellationToken);
        }

        int code = fault.Code ?? status;
        ApiResponse response = ApiResponse.Error(exchange.Host, code, fault.Message ?? ServiceMessages.OfCode(code));
        return exchange.SendJsonAsync(status, response.Body, code, cancellationToken);
    }

    /// <summary>404, or 405 for a known path, as the framework behind the service sends them: without an envelope.</summary>
    private async Task SendNoRouteAsync(Exchange exchange, ApiRoute[] atPath, CancellationToken cancellationToken)
    {
        HttpStatusCode status = HttpStatusCode.NotFound;
        string message = "No message available";
        if (atPath.Length > 0)
        {
            status = HttpStatusCode.MethodNotAllowed;
            message = $"Request method '{exchange.Method}' is not supported";
            exchange.Response.AddHeader("Allow", string.Join(", ", atPath.Select(route => route.Method)));
        }

        ReadOnlyMemory<byte> body = ServiceJson.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("timestamp", state.TimeProvider.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'+00:00'", CultureInfo.InvariantCulture));
            writer.WriteNumber("status", (int)status);
            writer.WriteString("error", status == HttpStatusCode.NotFound ? "Not Found" : "Method Not Allowed");
            writer.WriteString("message", message);
            writer.WriteString("path", "/" + exchange.Path);
            writer.WriteEndObject();
        });
        await exchange.SendJsonAsync((int)status, body, null, cancellationToken).ConfigureAwait(false);
    }
}
