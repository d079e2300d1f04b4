/** CORS headers that let pages of any site read what is exposed. Access is protected by the secret in the URL. */
export const CORS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Transfer-Encoding, Content-Range, Accept-Ranges',
};
