using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace KlingPS.Core.Tests.Api;

/// <summary>What becomes of one request.</summary>
internal delegate Task<HttpResponseMessage> Reply(SentRequest request, CancellationToken cancellationToken);

internal static class Replies
{
    public static Reply Text(int status, string body, string type = "application/json", RetryConditionHeaderValue? retryAfter = null) => async (request, cancellationToken) =>
    {
        await request.ReadAsync(cancellationToken);
        var response = new HttpResponseMessage((HttpStatusCode)status) { Content = new StringContent(body, Encoding.UTF8, type) };
        response.Headers.RetryAfter = retryAfter;
        return response;
    };

    public static Reply Json(string body) => Text(200, body);

    public static Reply Data(string data) => Json($$"""{"code":200,"msg":"success","data":{{data}}}""");

    public static Reply Code(int code, string message) => Json(string.Create(CultureInfo.InvariantCulture, $$"""{"code":{{code}},"msg":"{{message}}","data":null}"""));

    public static Reply Accepts(string taskId) => Data($$"""{"taskId":"{{taskId}}","recordId":"{{taskId}}"}""");

    public static Reply Html(int status) => Text(status, "<html><head><title>Bad gateway</title></head></html>", "text/html");

    /// <summary>The connection fails before anything of the body has left.</summary>
    public static Reply FailsBefore(Exception exception) => (_, _) => Task.FromException<HttpResponseMessage>(exception);

    /// <summary>The connection fails after the request has left.</summary>
    public static Reply FailsAfter(Exception exception) => async (request, cancellationToken) =>
    {
        await request.ReadAsync(cancellationToken);
        throw exception;
    };

    /// <summary>The answer's head comes, and the connection breaks within its body.</summary>
    public static Reply BreaksOff(Exception exception) => async (request, cancellationToken) =>
    {
        await request.ReadAsync(cancellationToken);
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(new BrokenStream(exception)) };
    };

    /// <summary>Nothing comes until the caller gives up.</summary>
    public static Reply Silence(bool readsBody = true) => async (request, cancellationToken) =>
    {
        if (readsBody)
        {
            await request.ReadAsync(cancellationToken);
        }

        await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        throw new InvalidOperationException("The silence has an end.");
    };

    /// <summary>Nothing comes until the test lets it, also when the caller gives up.</summary>
    public static Reply Held(TaskCompletionSource arrived, Task released, Reply then) => async (request, cancellationToken) =>
    {
        await request.ReadAsync(cancellationToken);
        arrived.TrySetResult();
        await released.WaitAsync(cancellationToken);
        return await then(request, cancellationToken);
    };

    private sealed class BrokenStream(Exception exception) : MemoryStream("{\"code\":200"u8.ToArray())
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
            => await base.ReadAsync(buffer, cancellationToken) is > 0 and int read ? read : throw exception;
    }
}
