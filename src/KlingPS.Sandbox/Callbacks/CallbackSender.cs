using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using KlingPS.Sandbox.State;
using KlingPS.Sandbox.Wire;

namespace KlingPS.Sandbox.Callbacks;

/// <summary>Reports the end of tasks to addresses on this machine, as the service does to any address: signed if there is a key, and sent again if it is not accepted.</summary>
internal sealed class CallbackSender(ServiceState state, string? key, HttpClient http, CancellationToken stopping)
{
    private const int MaxRetries = 3;

    private static readonly TimeSpan s_responseTimeout = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_retryDelay = TimeSpan.FromSeconds(5);

    /// <summary>Sends the callback of a task once it has ended, if one was asked for. Addresses on other machines are ignored.</summary>
    internal void SendAtEnd(Job job)
    {
        if (job.Request.Callback is { IsLoopback: true } uri)
        {
            _ = SendAtEndAsync(job, uri);
        }
    }

    private async Task SendAtEndAsync(Job job, Uri uri)
    {
        // The response to the request does not wait for the callback.
        await Task.Yield();
        try
        {
            // Timers take whole milliseconds and may be a little early; the callback must not be ahead of the task.
            while (job.EndsAt - state.TimeProvider.GetUtcNow() is { Ticks: > 0 } left)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)), state.TimeProvider, stopping).ConfigureAwait(false);
            }

            SandboxFault? fault = await state.Faults.TakeAsync(SandboxOperation.Callback, job.Request.Prompt, static _ => true, stopping).ConfigureAwait(false);
            if (fault?.FaultKind != SandboxFaultKind.LoseCallback)
            {
                ReadOnlyMemory<byte> body = CallbackWriter.Write(job, state.Links.ToUri(job.ResultPath), isOld: fault?.FaultKind == SandboxFaultKind.OldCallback);
                await DeliverAsync(job, uri, body, times: fault?.FaultKind == SandboxFaultKind.DuplicateCallback ? 2 : 1).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The sandbox has been stopped, and its tasks with it.
        }
    }

    private async Task DeliverAsync(Job job, Uri uri, ReadOnlyMemory<byte> body, int times)
    {
        for (int retry = 0; retry <= MaxRetries; retry++)
        {
            string timestamp = state.TimeProvider.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
            bool isDelivered = false;
            for (int i = 0; i < times; i++)
            {
                isDelivered |= await PostAsync(job, uri, body, timestamp).ConfigureAwait(false);
            }

            if (isDelivered)
            {
                return;
            }

            await Task.Delay(s_retryDelay, state.TimeProvider, stopping).ConfigureAwait(false);
        }
    }

    private async Task<bool> PostAsync(Job job, Uri uri, ReadOnlyMemory<byte> body, string timestamp)
    {
        using var timer = new CancellationTokenSource(s_responseTimeout, state.TimeProvider);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, stopping);
        using var request = new HttpRequestMessage(HttpMethod.Post, uri) { Content = new ReadOnlyMemoryContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (key is not null)
        {
            byte[] signature = HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes($"{job.Id}.{timestamp}"));
            request.Headers.Add("X-Webhook-Timestamp", timestamp);
            request.Headers.Add("X-Webhook-Signature", Convert.ToBase64String(signature));
        }

        bool isDelivered = false;
        try
        {
            using HttpResponseMessage response = await http.SendAsync(request, linked.Token).ConfigureAwait(false);
            isDelivered = response.IsSuccessStatusCode;
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
        {
            stopping.ThrowIfCancellationRequested();
        }

        state.Meter.CountCallback(isDelivered);
        if (isDelivered)
        {
            job.CountCallback();
        }

        return isDelivered;
    }
}
