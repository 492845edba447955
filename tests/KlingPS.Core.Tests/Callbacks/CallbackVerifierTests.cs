using CsCheck;
using KlingPS.Core.Callbacks;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Callbacks;

public sealed class CallbackVerifierTests
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.FromUnixTimeSeconds(1_790_000_000));

    private CallbackVerifier Verifier => new(CallbackTexts.Key, CallbackVerifier.DefaultMaxAge, _clock);

    private CallbackReport Check(string body, string? timestamp = "1790000000", string? signature = null, string taskId = "t1")
        => Verifier.Check(CallbackTexts.Bytes(body), timestamp, signature ?? CallbackTexts.Signature(taskId, timestamp ?? string.Empty));

    [Fact]
    public void The_signature_is_that_of_the_services_own_page()
        // printf 't1.1790000000' | openssl dgst -sha256 -hmac whk-0123456789abcdef -binary | base64
        => Assert.Equal("8Yb0m5+N8RqMJ5yM+D1u44RFOF9NAMZmzGftsC4muhU=", CallbackTexts.Signature("t1", "1790000000"));

    [Theory]
    [InlineData("""{"code":200,"data":{"taskId":"t1","state":"success"}}""", "success")]
    [InlineData("""{"code":501,"data":{"task_id":"t1","state":"fail"}}""", "fail")]
    [InlineData("""{"taskId":"t1","code":200}""", null)]
    [InlineData("""{"taskId":"t2","data":{"task_id":"t1","taskId":"t3"}}""", null)]
    [InlineData("""{"data":"{\"taskId\":\"t1\",\"state\":\"success\"}"}""", "success")]
    public void The_id_is_found_wherever_it_is_and_the_one_that_was_signed_for_counts(string body, string? state)
    {
        CallbackReport report = Check(body);

        Assert.True(report.IsGenuine, report.Reason);
        Assert.Equal(("t1", state), (report.TaskId, report.State));
    }

    [Theory]
    [InlineData(-300, CallbackVerdict.Genuine)]
    [InlineData(-301, CallbackVerdict.TooOld)]
    [InlineData(300, CallbackVerdict.Genuine)]
    [InlineData(301, CallbackVerdict.TooNew)]
    public void A_signature_holds_for_five_minutes_either_way(int seconds, CallbackVerdict verdict)
        => Assert.Equal(verdict, Check(CallbackTexts.Body("t1"), CallbackTexts.Seconds(_clock.GetUtcNow().AddSeconds(seconds))).CallbackVerdict);

    [Theory]
    [InlineData("{\"data\":{\"taskId\":\"t1\"}}", "1790000000", "", CallbackVerdict.SignatureMissing)]
    [InlineData("{\"data\":{\"taskId\":\"t1\"}}", null, null, CallbackVerdict.SignatureMissing)]
    [InlineData("{\"data\":{\"taskId\":\"t1\"}}", "2026-09-21", null, CallbackVerdict.TimestampUnreadable)]
    [InlineData("{\"data\":{\"taskId\":\"t1\"}}", "-1790000000", null, CallbackVerdict.TimestampUnreadable)]
    [InlineData("{\"data\":{\"taskId\":\"t1\"}}", "99999999999999999999", null, CallbackVerdict.TimestampUnreadable)]
    [InlineData("{\"data\":{\"taskId\":\"t1\"}}", "1790000000000", null, CallbackVerdict.TimestampUnreadable)]
    [InlineData("{\"data\":{\"taskId\":\"t1\"}}", "1790000000", "not base64", CallbackVerdict.SignatureWrong)]
    [InlineData("{\"data\":{\"taskId\":\"t1\"}}", "1790000000", "AAAA", CallbackVerdict.SignatureWrong)]
    [InlineData("{\"data\":{\"taskId\":\"other\"}}", "1790000000", null, CallbackVerdict.SignatureWrong)]
    [InlineData("{\"data\":{\"state\":\"success\"}}", "1790000000", null, CallbackVerdict.TaskIdMissing)]
    [InlineData("{\"data\":{\"taskId\":\"t 1\"}}", "1790000000", null, CallbackVerdict.TaskIdMissing)]
    [InlineData("[\"t1\"]", "1790000000", null, CallbackVerdict.BodyUnreadable)]
    [InlineData("{\"data\":", "1790000000", null, CallbackVerdict.BodyUnreadable)]
    [InlineData("", "1790000000", null, CallbackVerdict.BodyUnreadable)]
    public void What_is_wrong_with_a_callback_is_said(string body, string? timestamp, string? signature, CallbackVerdict verdict)
    {
        CallbackReport report = Check(body, timestamp, signature);

        Assert.Equal((verdict, false), (report.CallbackVerdict, report.IsGenuine));
        Assert.EndsWith(".", report.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_key_makes_another_signature()
    {
        CallbackKey other = CallbackKey.From(CallbackTexts.Secure("another"));

        Assert.Equal(CallbackVerdict.SignatureWrong, Check(CallbackTexts.Body("t1"), signature: CallbackTexts.Signature("t1", "1790000000", other)).CallbackVerdict);
    }

    [Fact]
    public void A_key_is_never_shown_and_blanks_around_it_do_not_count()
    {
        CallbackKey key = CallbackKey.From(CallbackTexts.Secure($" {CallbackTexts.Secret}\n"));

        Assert.Equal(CallbackTexts.Key.Sign("t1", "1"), key.Sign("t1", "1"));
        Assert.DoesNotContain(CallbackTexts.Secret, key.ToString(), StringComparison.Ordinal);
        Assert.Equal(ErrorKind.RequestInvalid, Assert.Throws<KlingException>(() => CallbackKey.From(CallbackTexts.Secure(" "))).Kind);
    }

    [Fact]
    public void A_signature_for_one_task_and_time_is_good_for_no_other()
    {
        Gen<string> id = Gen.String[Gen.Char['a', 'd'], 1, 4];
        Gen.Select(id, id, Gen.Int[-400, 400], Gen.Int[-400, 400]).Sample((signed, named, signedAt, sentAt) =>
        {
            string signedTime = CallbackTexts.Seconds(_clock.GetUtcNow().AddSeconds(signedAt));
            string sentTime = CallbackTexts.Seconds(_clock.GetUtcNow().AddSeconds(sentAt));

            bool isGenuine = Check(CallbackTexts.Body(named), sentTime, CallbackTexts.Signature(signed, signedTime)).IsGenuine;

            Assert.Equal(signed == named && signedAt == sentAt && Math.Abs(sentAt) <= 300, isGenuine);
        });
    }
}
